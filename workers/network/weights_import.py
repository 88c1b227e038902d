"""Weight files of other programs: Keras-OpenFace CSV folders, Keras .h5, OpenFace .t7.

Facts about them: `docs/weights.md`. What is read is plain numbers; no code in a file is run.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.constants import CROP_SIZE
from streamer.errors import WeightsError
from workers.network.nn4 import DENSE_LAYER, Conv, all_convs, array_shapes
from workers.network.torch7 import TorchObject, read_t7
from workers.network.weights_file import (
    KERAS_OPENFACE_LRN,
    TORCH_LRN,
    Weights,
    check_arrays,
)

Arrays = dict[str, NDArray[np.float32]]
_BN_PARTS = ("gamma", "beta", "mean", "variance")
_BN_FILES = dict(zip(_BN_PARTS, ("w", "b", "m", "v"), strict=True))


def import_weights(path: Path) -> Weights:
    """Read weights from a CSV folder (or a .zip of one), a .h5 or a .t7.

    Raises WeightsError, one line that names everything that is missing or wrong.
    """
    if path.is_dir():
        arrays, lrn = _from_csv(path, _folder_texts(path)), KERAS_OPENFACE_LRN
    elif not path.is_file():
        raise WeightsError(f"{path}: no such file or folder")
    elif path.suffix.lower() == ".zip":
        arrays, lrn = _from_csv(path, _zip_texts(path)), KERAS_OPENFACE_LRN
    elif path.suffix.lower() in (".h5", ".hdf5", ".keras"):
        arrays, lrn = _from_h5(path), KERAS_OPENFACE_LRN
    elif path.suffix.lower() == ".t7":
        arrays, lrn = _from_t7(path), TORCH_LRN
    else:
        raise WeightsError(f"{path}: must be a folder of CSV files, a .zip of one, .h5 or .t7")
    check_arrays(str(path), arrays)
    return Weights(
        {name: np.ascontiguousarray(arrays[name]) for name in array_shapes()},
        lrn,
        f"imported from {path.name}",
        {"size": CROP_SIZE, "colour": "RGB / 255", "alignment": "openface"},
    )


def _folder_texts(folder: Path) -> dict[str, Path | bytes]:
    return {path.stem: path for path in folder.rglob("*.csv")}


def _zip_texts(path: Path) -> dict[str, Path | bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                Path(name).stem: archive.read(name)
                for name in archive.namelist()
                if name.endswith(".csv")
            }
    except (OSError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path}: not a zip file, or damaged: {error}") from error


def _from_csv(path: Path, texts: dict[str, Path | bytes]) -> Arrays:
    faults: list[str] = []
    missing: list[str] = []
    arrays: Arrays = {}
    shapes = array_shapes()

    def take(name: str, stem: str, shape: tuple[int, ...]) -> None:
        if stem not in texts:
            missing.append(f"{stem}.csv")
            return
        text = texts[stem]
        try:
            content = text.read_bytes() if isinstance(text, Path) else text
            words = content.decode("ascii").replace("\n", ",").split(",")
            values = np.array([float(word) for word in words if word.strip()], np.float32)
        except (OSError, ValueError) as error:
            faults.append(f"{stem}.csv is no line of numbers ({error})")
            return
        if values.size != np.prod(shape):
            faults.append(f"{stem}.csv must hold {np.prod(shape)} numbers, holds {values.size}")
            return
        arrays[name] = values.reshape(shape)

    for layer in all_convs():
        k = layer.kernel
        take(f"{layer.name}/kernel", f"{layer.name}_w", (layer.channels, layer.channels_in, k, k))
        take(f"{layer.name}/bias", f"{layer.name}_b", (layer.channels,))
        for part, letter in _BN_FILES.items():
            take(f"{layer.norm}/{part}", f"{layer.norm}_{letter}", (layer.channels,))
    inputs, outputs = shapes[f"{DENSE_LAYER}/kernel"]
    take(f"{DENSE_LAYER}/kernel", "dense_w", (outputs, inputs))
    take(f"{DENSE_LAYER}/bias", "dense_b", (outputs,))
    if missing:
        faults.insert(0, f"missing: {', '.join(missing)}")
    if faults:
        raise WeightsError(f"{path}: {'; '.join(faults)}")
    return _from_torch_order(arrays)


def _from_torch_order(arrays: Arrays) -> Arrays:
    """Turn (out, in, height, width) to (height, width, in, out); dense (out, in) to (in, out)."""
    return {
        name: array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
        for name, array in arrays.items()
    }


def _from_h5(path: Path) -> Arrays:
    import h5py

    found: dict[str, dict[str, NDArray[np.float32]]] = {}

    def visit(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and node.shape and node.dtype.kind == "f":
            steps = name.split("/")
            part = steps[-1].split(":")[0]
            for layer in steps[:-1]:
                found.setdefault(layer, {})[part] = np.asarray(node, np.float32)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except (OSError, RuntimeError, ValueError) as error:
        raise WeightsError(f"{path}: not an HDF5 file, or damaged: {error}") from error
    renamed = {"mean": "moving_mean", "variance": "moving_variance"}
    arrays: Arrays = {}
    for name in array_shapes():
        layer, part = name.split("/")
        parts = found.get(layer) or (found.get("dense", {}) if layer == DENSE_LAYER else {})
        value = parts.get(renamed.get(part, part))
        if value is not None:
            arrays[name] = value
    return arrays


def _from_t7(path: Path) -> Arrays:
    try:
        root = read_t7(path.read_bytes())
    except (OSError, WeightsError) as error:
        raise WeightsError(f"{path}: {error}") from error
    layers = list(_leaves(root))
    kinds = [kind.rpartition(".")[2] for kind, _ in layers]
    convs = [f for k, (_, f) in zip(kinds, layers, strict=True) if "Convolution" in k]
    norms = [f for k, (_, f) in zip(kinds, layers, strict=True) if "BatchNorm" in k]
    linear = [f for k, (_, f) in zip(kinds, layers, strict=True) if k == "Linear"]
    counts = (len(convs), len(norms), len(linear))
    if counts != (37, 37, 1):
        raise WeightsError(
            f"{path}: must hold 37 convolutions, 37 batch norms and 1 linear layer of "
            f"nn4.small2. Received: {counts[0]}, {counts[1]} and {counts[2]}"
        )
    arrays: Arrays = {}
    for layer, conv, norm in zip(all_convs(), convs, norms, strict=True):
        _take_t7(arrays, layer, conv, norm)
    arrays[f"{DENSE_LAYER}/kernel"] = _array(linear[0].get("weight"))
    arrays[f"{DENSE_LAYER}/bias"] = _array(linear[0].get("bias"))
    return _from_torch_order(arrays)


def _take_t7(arrays: Arrays, layer: Conv, conv: dict[Any, Any], norm: dict[Any, Any]) -> None:
    kernel = _array(conv.get("weight"))
    wanted = (layer.channels, layer.channels_in, layer.kernel, layer.kernel)
    # SpatialConvolutionMM keeps its kernels as a matrix.
    arrays[f"{layer.name}/kernel"] = (
        kernel.reshape(wanted) if kernel.size == np.prod(wanted) else kernel
    )
    arrays[f"{layer.name}/bias"] = _array(conv.get("bias"))
    variance = norm.get("running_var")
    if variance is None and norm.get("running_std") is not None:
        # Old files hold 1 / sqrt(variance + epsilon).
        variance = _array(norm["running_std"]) ** -2.0 - 1e-5
    for part, value in zip(
        _BN_PARTS,
        (norm.get("weight"), norm.get("bias"), norm.get("running_mean"), variance),
        strict=True,
    ):
        arrays[f"{layer.norm}/{part}"] = _array(value)


def _array(value: Any) -> NDArray[np.float32]:
    return np.asarray(value if isinstance(value, np.ndarray) else [], np.float32)


def _leaves(node: Any) -> Iterator[tuple[str, dict[Any, Any]]]:
    """List the layers of a Torch network in their order; containers hold theirs in `modules`."""
    if not isinstance(node, TorchObject):
        return
    modules = node.fields.get("modules")
    inner = node.fields.get("module")
    if isinstance(modules, dict) and modules:
        for key in sorted(key for key in modules if isinstance(key, float)):
            yield from _leaves(modules[key])
    elif isinstance(inner, TorchObject):
        yield from _leaves(inner)
    else:
        yield node.kind, node.fields
