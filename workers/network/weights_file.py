"""The weights file: an .npz of plain arrays plus a JSON description of what they are for.

Kernels may be stored as float16 to halve the file; they are float32 in memory. The entry
`description` (UTF-8 JSON as uint8) says format, LRN, crop and recipe, and holds the SHA-256
of the arrays and the rest of the description, so that damage is found at load.
"""

import hashlib
import io
import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.constants import CROP_SIZE, DEFAULT_CASCADE
from streamer.errors import WeightsError
from streamer.files import SHARED_MODE, write_file
from streamer.vision.align import Alignment, known_alignment
from streamer.vision.crop import CROP_ENLARGE
from workers.network.nn4 import array_shapes

FORMAT = 1
DESCRIPTION = "description"
MIRROR = "+mirror"
SHIPPED = Path(__file__).parents[1] / "weights" / "nn4_small2.npz"


@dataclass(frozen=True)
class LocalResponseNorm:
    """x / (bias + alpha * sum of x² over 2 * depth_radius + 1 channels) ** beta."""

    depth_radius: int
    alpha: float
    beta: float = 0.75
    bias: float = 1.0


TORCH_LRN = LocalResponseNorm(depth_radius=2, alpha=2e-5)
"""Torch's size 5, alpha 1e-4, which Torch divides by the size (OpenFace's own)."""

KERAS_OPENFACE_LRN = LocalResponseNorm(depth_radius=5, alpha=1e-4)
"""What Keras-OpenFace uses in its place."""


def crop_of(alignment: Alignment = "square") -> dict[str, Any]:
    """Describe the crops that the detector's squares are cut to, as a weights file does."""
    return {
        "cascade": DEFAULT_CASCADE,
        "enlarge": CROP_ENLARGE,
        "size": CROP_SIZE,
        "colour": "RGB / 255",
        "alignment": alignment,
    }


@dataclass(frozen=True)
class Weights:
    """Arrays of one NN4.small2 (float32, names and shapes of `nn4.array_shapes`)."""

    arrays: dict[str, NDArray[np.float32]]
    lrn: LocalResponseNorm
    recipe: str = ""
    crop: dict[str, Any] = field(default_factory=crop_of)
    fingerprint: str = ""

    @property
    def alignment(self) -> Alignment:
        """How crops for these weights are cut; "square" where the file does not say.

        Raises WeightsError for any other word.
        """
        try:
            return known_alignment(self.crop.get("alignment", "square"))
        except ValueError as error:
            raise WeightsError(str(error)) from error

    def description(self) -> dict[str, Any]:
        """Return what the file says of itself, without the hash."""
        return {
            "format": FORMAT,
            "network": "NN4.small2",
            "lrn": asdict(self.lrn),
            "crop": self.crop,
            "recipe": self.recipe,
        }


def load_weights(path: Path | None = None) -> Weights:
    """Read a weights file (the shipped one by default) and check all of it.

    Raises WeightsError, one line that names every fault found.
    """
    path = path or SHIPPED
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: weights cannot be read: {error.strerror or error}") from error
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise WeightsError(f"{path}: not a weights file, or damaged")  # NumPy would try pickle
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
    except (
        ValueError,
        OSError,
        EOFError,
        KeyError,
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
    ) as error:
        raise WeightsError(f"{path}: not a weights file, or damaged: {error}") from error
    description = _description(path, stored.pop(DESCRIPTION, None))
    check_arrays(str(path), stored)
    try:
        lrn = LocalResponseNorm(**description["lrn"])
        weights = Weights(
            {name: array.astype(np.float32) for name, array in stored.items()},
            lrn,
            str(description["recipe"]),
            dict(description["crop"]),
            str(description["sha256"])[:12],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: its description lacks or misstates {error}") from error
    if _digest(stored, weights.description()) != description["sha256"]:
        raise WeightsError(f"{path}: damaged: the arrays do not match the hash in the file")
    try:
        _ = weights.alignment
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    return weights


def read_fingerprint(path: Path | None = None) -> str:
    """Read the fingerprint of a weights file. Raises WeightsError."""
    return load_weights(path).fingerprint


def embedding_fingerprint(weights: str, mirror: bool) -> str:
    """Return what tells embeddings apart that mean nothing to each other.

    `weights` is the fingerprint of the weights; `mirror`: of each crop and its mirror image.
    """
    return weights + MIRROR if mirror else weights


def save_weights(path: Path, weights: Weights) -> str:
    """Write a weights file in one step (never half a file); return its fingerprint."""
    check_arrays(str(path), weights.arrays)
    stored = {name: _packed(name, array) for name, array in weights.arrays.items()}
    description = weights.description()
    description["sha256"] = digest = _digest(stored, description)
    packed = np.frombuffer(json.dumps(description).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **{DESCRIPTION: packed}, **stored)  # type: ignore[arg-type]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, buffer.getvalue(), SHARED_MODE)
    return digest[:12]


def _packed(name: str, array: NDArray[np.float32]) -> NDArray[Any]:
    """Return kernels as float16, unless their numbers do not fit into it."""
    fits = name.endswith("/kernel") and np.abs(array).max() < np.finfo(np.float16).max
    return array.astype(np.float16 if fits else np.float32)


def check_arrays(where: str, arrays: dict[str, NDArray[Any]]) -> None:
    """Raise WeightsError, naming all, for missing, misshapen, unknown or non-finite arrays."""
    expected = array_shapes()
    faults = [f"missing {name}" for name in expected if name not in arrays]
    faults += [f"unknown {name}" for name in arrays if name not in expected]
    for name, shape in expected.items():
        array = arrays.get(name)
        if array is None:
            continue
        if array.shape != shape:
            faults.append(f"{name} must be {shape}, is {array.shape}")
        elif not np.issubdtype(array.dtype, np.floating):
            faults.append(f"{name} must be floating point, is {array.dtype}")
        elif not np.isfinite(array).all():
            faults.append(f"{name} has numbers that are not finite")
    if faults:
        raise WeightsError(f"{where}: not the weights of NN4.small2: {'; '.join(faults)}")


def _description(path: Path, packed: NDArray[Any] | None) -> dict[str, Any]:
    if packed is None:
        raise WeightsError(f"{path}: has no description; import it to make it a weights file")
    try:
        description = json.loads(packed.tobytes())
    except ValueError as error:
        raise WeightsError(f"{path}: its description is damaged: {error}") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise WeightsError(f"{path}: its format must be {FORMAT}")
    return description


def _digest(stored: dict[str, NDArray[Any]], description: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for name in sorted(stored):
        digest.update(f"{name} {stored[name].dtype.str} {stored[name].shape}".encode())
        digest.update(np.ascontiguousarray(stored[name]).tobytes())
    return digest.hexdigest()
