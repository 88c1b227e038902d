"""Teachers from a network file, with a small TOML beside it that says what it takes.

For example, for Open Model Zoo's face-reidentification-retail-0095:

    network = "face-reidentification-retail-0095.xml"  # OpenVINO IR (with its .bin) or ONNX
    size = 128                                         # side of its square input in pixels
    colour = "BGR"                                     # or "RGB"
    subtract = [0.0, 0.0, 0.0]                         # from each channel, 0 to 255, in this order
    divide = 1.0                                       # after that
    # Where its five landmarks lie, in shares of the side: eyes, nose tip, mouth corners.
    template = [
        [0.3156, 0.4616], [0.6827, 0.4598], [0.5003, 0.6405], [0.3495, 0.8247], [0.6534, 0.8232],
    ]

Its input is (batch, 3, size, size) float32; its output is a descriptor of any length for each.
"""

import hashlib
import tomllib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from streamer.errors import ConfigError
from streamer.vision.align import align_crop

_LEAST_EYE_DISTANCE = 0.05
_Run = Callable[[NDArray[np.float32]], Any]
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Point = tuple[_Share, _Share]


class TeacherFile(BaseModel):
    """The TOML of a teacher; `network` is relative to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: Path
    size: int = Field(ge=16, le=1024)
    colour: Literal["RGB", "BGR"]
    subtract: tuple[_Number, _Number, _Number] = (0.0, 0.0, 0.0)
    divide: float = Field(1.0, gt=0, allow_inf_nan=False)
    template: tuple[_Point, _Point, _Point, _Point, _Point]

    @model_validator(mode="after")
    def _eyes_left_to_right(self) -> Self:
        if self.template[1][0] - self.template[0][0] < _LEAST_EYE_DISTANCE:
            raise ValueError("must begin with the left eye of the picture, then the right one")
        return self

    def places(self) -> NDArray[np.float64]:
        """Where the landmarks lie in a chip: (5, 2) in pixels."""
        return np.array(self.template) * self.size - 0.5


class NetworkTeacher:
    """A teacher that is loaded. Raises ConfigError for a network that does not fit its TOML."""

    def __init__(self, file: TeacherFile) -> None:
        self._file = file
        self._run = _load(file.network, file.size)
        content = hashlib.sha256(file.model_dump_json(exclude={"network"}).encode())
        for path in (file.network, file.network.with_suffix(".bin")):
            content.update(path.read_bytes() if path.is_file() else b"")
        self.key = content.hexdigest()[:16]
        self.chip_size = file.size

    def chip(
        self, context_rgb: NDArray[np.uint8], points: NDArray[np.float64]
    ) -> NDArray[np.uint8]:
        """Lay the landmarks at the template's places: (size, size, 3) uint8 RGB."""
        context_bgr = np.ascontiguousarray(context_rgb[:, :, ::-1])
        return align_crop(context_bgr, points, self._file.places(), self.chip_size)

    def descriptors(self, chips_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, numbers) from (n, size, size, 3) chips."""
        chips = chips_rgb if self._file.colour == "RGB" else chips_rgb[..., ::-1]
        values = chips.astype(np.float32) - np.array(self._file.subtract, np.float32)
        values /= np.float32(self._file.divide)
        planes = np.ascontiguousarray(values.transpose(0, 3, 1, 2))
        return np.asarray(self._run(planes), np.float32).reshape(len(planes), -1)


def load_network_teacher(path: Path) -> NetworkTeacher:
    """Load the teacher that a TOML describes. Raises ConfigError, one line, for all faults."""
    try:
        stated = tomllib.loads(path.read_text(encoding="utf-8"))
        file = TeacherFile.model_validate(stated)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'template'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise ConfigError(f"{path}: {faults}") from error
    except ValueError as error:  # not TOML, or not UTF-8
        raise ConfigError(f"{path}: must be TOML that describes a teacher: {error}") from error
    return NetworkTeacher(file.model_copy(update={"network": path.parent / file.network}))


def _load(network: Path, size: int) -> _Run:
    if not network.is_file():
        raise ConfigError(f"{network}: the teacher's network must be a file")
    if find_spec("openvino") is not None:
        run = _openvino(network, size)
    elif network.suffix == ".onnx" and find_spec("onnxruntime") is not None:
        run = _onnxruntime(network, size)
    else:
        raise ConfigError(
            f"{network}: this teacher needs openvino. Install it with: "
            "pip install 'facestream[openvino]'"
        )
    return run


def _openvino(network: Path, size: int) -> _Run:
    import openvino

    core = openvino.Core()
    try:
        model = core.read_model(network)
        _check_input(network, size, [_openvino_shape(one.partial_shape) for one in model.inputs])
        model.reshape([-1, 3, size, size])
        compiled = core.compile_model(model, "CPU")
    except RuntimeError as error:
        raise ConfigError(f"{network}: must be a network: {_first_line(error)}") from error
    return lambda planes: compiled(planes)[0]


def _openvino_shape(shape: Any) -> list[int | None]:
    if shape.rank.is_dynamic:
        return [None] * 4
    return [None if one.is_dynamic else one.get_length() for one in shape]


def _onnxruntime(network: Path, size: int) -> _Run:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as faults

    try:
        session = onnxruntime.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    except (
        faults.Fail,
        faults.InvalidArgument,
        faults.InvalidGraph,
        faults.InvalidProtobuf,
        faults.NotImplemented,
    ) as error:
        raise ConfigError(f"{network}: must be a network: {_first_line(error)}") from error
    inputs = session.get_inputs()
    shapes = [[n if isinstance(n, int) else None for n in one.shape] for one in inputs]
    _check_input(network, size, shapes)
    name = inputs[0].name
    if shapes[0][0] is None:
        return lambda planes: session.run(None, {name: planes})[0]
    return (
        lambda planes: np.concatenate(  # it takes one picture at a time
            [session.run(None, {name: planes[i : i + 1]})[0] for i in range(len(planes))]
        )
    )


def _check_input(network: Path, size: int, shapes: list[list[int | None]]) -> None:
    """Raise ConfigError for inputs that are not one of (1 or any, 3, size, size)."""
    wanted = (1, 3, size, size)
    fits = len(shapes) == 1 and len(shapes[0]) == 4
    if not fits or any(n not in (None, w) for n, w in zip(shapes[0], wanted, strict=True)):
        raise ConfigError(
            f"{network}: by the TOML's size, its input must be {wanted}. Received: {shapes}"
        )


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))
