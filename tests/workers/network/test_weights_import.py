"""Other programs' weight files, written here in their formats, against the arrays they hold."""

import struct
import zipfile
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.errors import WeightsError
from tests.workers.embedding.test_tensorflow_graph import random_weights
from workers.embedding.tensorflow_graph import build_embedder
from workers.network.nn4 import BRANCHES, INCEPTIONS, STEM, Conv, Pool, all_convs
from workers.network.torch7 import read_t7
from workers.network.weights_file import KERAS_OPENFACE_LRN, TORCH_LRN, Weights
from workers.network.weights_import import import_weights

BN_LETTERS = {"gamma": "w", "beta": "b", "mean": "m", "variance": "v"}


@pytest.fixture(scope="module")
def weights() -> Weights:
    return random_weights(TORCH_LRN)


def write_csv(folder: Path, weights: Weights) -> None:
    folder.mkdir()
    arrays = weights.arrays

    def put(name: str, values: NDArray[np.float32]) -> None:
        (folder / f"{name}.csv").write_text(",".join(map(repr, values.ravel().tolist())) + "\n")

    for layer in all_convs():
        put(f"{layer.name}_w", arrays[f"{layer.name}/kernel"].transpose(3, 2, 0, 1))
        put(f"{layer.name}_b", arrays[f"{layer.name}/bias"])
        for part, letter in BN_LETTERS.items():
            put(f"{layer.norm}_{letter}", arrays[f"{layer.norm}/{part}"])
    put("dense_w", arrays["dense_layer/kernel"].T)
    put("dense_b", arrays["dense_layer/bias"])
    put("inception_5a_3x3_conv2_m", np.zeros(384, np.float32))  # stray files, as in the wild


def same_arrays(one: Weights, other: Weights) -> None:
    for name, array in one.arrays.items():
        assert np.allclose(array, other.arrays[name], rtol=1e-5, atol=1e-6), name


def test_a_csv_folder_and_a_zip_of_it(folder: Path, weights: Weights) -> None:
    write_csv(folder / "csv", weights)
    found = import_weights(folder / "csv")
    assert found.lrn == KERAS_OPENFACE_LRN
    same_arrays(weights, found)
    with zipfile.ZipFile(folder / "csv.zip", "w") as archive:
        for path in (folder / "csv").iterdir():
            archive.write(path, f"weights/{path.name}")
    same_arrays(weights, import_weights(folder / "csv.zip"))


def test_every_fault_of_a_csv_folder_is_named(folder: Path, weights: Weights) -> None:
    write_csv(folder / "csv", weights)
    (folder / "csv" / "conv2_b.csv").unlink()
    (folder / "csv" / "bn3_v.csv").write_text("1,2,3\n")
    (folder / "csv" / "dense_b.csv").write_text("a,b\n")
    with pytest.raises(WeightsError) as error:
        import_weights(folder / "csv")
    text = str(error.value)
    assert "missing: conv2_b.csv;" in text
    assert "bn3_v.csv must hold 192 numbers, holds 3" in text
    assert "dense_b.csv is no line of numbers" in text
    assert "\n" not in text


def test_numbers_that_are_not_finite_are_refused(folder: Path, weights: Weights) -> None:
    write_csv(folder / "csv", weights)
    (folder / "csv" / "conv1_b.csv").write_text(",".join(["nan"] * 64))
    with pytest.raises(WeightsError, match="conv1/bias"):
        import_weights(folder / "csv")


@pytest.mark.parametrize("style", ["keras2", "nested"])
def test_keras_h5(folder: Path, weights: Weights, style: str) -> None:
    path = folder / "openface_weights.h5"
    names = {"mean": "moving_mean", "variance": "moving_variance"}
    with h5py.File(path, "w") as file:
        for name, array in weights.arrays.items():
            layer, part = name.split("/")
            inner = "" if style == "keras2" else "model_1/"
            file[f"{inner}{layer}/{layer}/{names.get(part, part)}:0"] = array
    same_arrays(weights, import_weights(path))
    with h5py.File(path, "a") as file:
        inner = "" if style == "keras2" else "model_1/"
        del file[f"{inner}conv2"]
    with pytest.raises(WeightsError, match="conv2/kernel"):
        import_weights(path)


class T7Writer:
    """Torch 7's binary format, little endian, as `torch.save` writes it."""

    def __init__(self) -> None:
        self.out = bytearray()
        self.index = 0

    def integer(self, value: int) -> None:
        self.out += struct.pack("<i", value)

    def text(self, text: str) -> None:
        self.integer(len(text))
        self.out += text.encode()

    def value(self, value: object) -> None:
        match value:
            case bool():
                self.integer(5)
                self.integer(int(value))
            case int() | float():
                self.integer(1)
                self.out += struct.pack("<d", value)
            case str():
                self.integer(2)
                self.text(value)
            case np.ndarray() if value.dtype == np.int64:
                self.torch("torch.LongStorage")
                self.out += struct.pack("<q", value.size) + value.tobytes()
            case np.ndarray():
                self.tensor(value)
            case dict():
                self.integer(3)
                self._new_index()
                self.integer(len(value))
                for key, inner in value.items():
                    self.value(key)
                    self.value(inner)
            case tuple():
                kind, fields = value
                self.torch(kind)
                self.value(fields)
            case _:
                raise TypeError(type(value))

    def torch(self, kind: str) -> None:
        self.integer(4)
        self._new_index()
        self.text("V 1")
        self.text(kind)

    def tensor(self, array: NDArray[np.float32]) -> None:
        self.torch("torch.FloatTensor")
        self.integer(array.ndim)
        steps = [stride // array.itemsize for stride in np.ascontiguousarray(array).strides]
        self.out += struct.pack(f"<{2 * array.ndim + 1}q", *array.shape, *steps, 1)
        self.torch("torch.FloatStorage")
        self.out += struct.pack("<q", array.size) + array.astype("<f4").tobytes()

    def _new_index(self) -> None:
        self.index += 1
        self.integer(self.index)


def module(kind: str, **fields: object) -> tuple[str, dict[str, object]]:
    return f"nn.{kind}", fields


def container(kind: str, layers: list[object], **fields: object) -> tuple[str, dict[str, object]]:
    return module(kind, modules={index + 1: layer for index, layer in enumerate(layers)}, **fields)


def t7_conv(layer: Conv, weights: Weights) -> list[object]:
    arrays, k = weights.arrays, layer.kernel
    kernel = arrays[f"{layer.name}/kernel"].transpose(3, 2, 0, 1)
    norm = {part: arrays[f"{layer.norm}/{part}"] for part in BN_LETTERS}
    return [
        module(
            "SpatialConvolutionMM",
            nInputPlane=layer.channels_in, nOutputPlane=layer.channels,
            kW=k, kH=k, dW=layer.stride, dH=layer.stride, padW=layer.pad, padH=layer.pad,
            weight=np.ascontiguousarray(kernel.reshape(layer.channels, -1)),
            bias=arrays[f"{layer.name}/bias"],
        ),
        module(
            "SpatialBatchNormalization", eps=1e-5, momentum=0.1, affine=True,
            running_mean=norm["mean"], running_var=norm["variance"],
            weight=norm["gamma"], bias=norm["beta"],
        ),
        module("ReLU", inplace=True),
    ]  # fmt: skip


def t7_pool(pool: Pool) -> object:
    numbers = {"kW": pool.size, "kH": pool.size, "dW": pool.stride, "dH": pool.stride}
    if pool.kind == "max":
        return module("SpatialMaxPooling", **numbers, padW=0, padH=0, ceil_mode=False)
    # A Sequential with a name of its own, as Torch makes it.
    steps = [
        module("Square"),
        t7_average(pool.size, pool.stride),
        module("MulConstant", constant_scalar=float(pool.size**2), inplace=False),
        module("Sqrt", eps=0.0),
    ]
    return container("SpatialLPPooling", steps, **numbers)


def t7_average(size: int, stride: int) -> object:
    numbers = {"kW": size, "kH": size, "dW": stride, "dH": stride, "padW": 0, "padH": 0}
    return module(
        "SpatialAveragePooling", **numbers, ceil_mode=False, count_include_pad=True, divide=True
    )


def t7_pad(left: int, right: int) -> object:
    return module("SpatialZeroPadding", pad_l=left, pad_r=right, pad_t=left, pad_b=right)


def t7_bytes(weights: Weights) -> bytes:
    """The network as Torch would have saved it."""
    lrn = module("SpatialCrossMapLRN", size=5, alpha=1e-4, beta=0.75, k=1)
    pool = module("SpatialMaxPooling", kW=3, kH=3, dW=2, dH=2, padW=1, padH=1, ceil_mode=False)
    conv1, conv2, conv3 = STEM
    layers: list[object] = [*t7_conv(conv1, weights), pool, lrn, *t7_conv(conv2, weights)]
    layers += [*t7_conv(conv3, weights), lrn, pool]
    for block in INCEPTIONS:
        branches: list[object] = []
        for name in BRANCHES:
            inner = [part for layer in block.convs(name) for part in t7_conv(layer, weights)]
            if name == "pool":
                inner = [t7_pool(block.pool), *inner, t7_pad(*block.pool.pad)]
            if inner:
                branches.append(container("Sequential", inner))
        layers.append(container("DepthConcat", branches, dimension=2))
    average = t7_average(3, 1)
    layers += [
        average,
        module("View", size=np.array([736], np.int64), numElements=736),
        module(
            "Linear",
            weight=np.ascontiguousarray(weights.arrays["dense_layer/kernel"].T),
            bias=weights.arrays["dense_layer/bias"],
        ),
        module("Normalize", p=2, eps=1e-10),
    ]
    writer = T7Writer()
    writer.value(container("Sequential", layers))
    return bytes(writer.out)


def test_torch_t7(folder: Path, weights: Weights) -> None:
    path = folder / "nn4.t7"
    path.write_bytes(t7_bytes(weights))
    found = import_weights(path)
    assert found.lrn == TORCH_LRN
    same_arrays(weights, found)


def test_opencv_reads_the_same_t7_and_gives_the_same_embeddings(
    folder: Path, weights: Weights
) -> None:
    path = folder / "nn4.t7"
    path.write_bytes(t7_bytes(weights))
    crops = np.random.default_rng(0).integers(0, 256, (20, 96, 96, 3), np.uint8)
    network = cv2.dnn.readNetFromTorch(str(path), True, False)
    network.setInput(cv2.dnn.blobFromImages(list(crops), 1 / 255))
    expected = network.forward().reshape(20, 128)
    found = build_embedder(import_weights(path))(crops)
    assert (found * expected).sum(axis=1).min() > 0.9999


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_truncated_t7_is_one_line(folder: Path, weights: Weights, share: float) -> None:
    whole = t7_bytes(weights)
    (folder / "nn4.t7").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(WeightsError, match="not a Torch 7 binary file, or damaged") as error:
        import_weights(folder / "nn4.t7")
    assert "\n" not in str(error.value)


def test_hostile_t7_files_end_in_an_error() -> None:
    rng = np.random.default_rng(0)
    deep = struct.pack("<iii", 3, 1, 1) + b"".join(
        struct.pack("<idiii", 1, 1.0, 3, index, 1) for index in range(2, 500)
    )
    writer = T7Writer()
    writer.tensor(np.ones((2, 2), np.float32))
    reaching = bytes(writer.out).replace(struct.pack("<q", 4), struct.pack("<q", 2**40))
    some: list[bytes] = [deep, reaching, *(rng.bytes(300) for _ in range(200))]
    for content in some:
        try:
            read_t7(content)
        except WeightsError:
            continue


def test_a_t7_of_another_network_says_what_it_lacks(folder: Path, weights: Weights) -> None:
    writer = T7Writer()
    writer.value(container("Sequential", t7_conv(STEM[0], weights)))
    (folder / "other.t7").write_bytes(bytes(writer.out))
    with pytest.raises(WeightsError, match=r"must hold 37 convolutions.*Received: 1, 1 and 0"):
        import_weights(folder / "other.t7")


def test_what_is_no_weights_file_is_refused(folder: Path) -> None:
    for name, content in (("a.h5", b"no"), ("a.zip", b"no"), ("a.txt", b"no")):
        (folder / name).write_bytes(content)
        with pytest.raises(WeightsError, match=name):
            import_weights(folder / name)
    with pytest.raises(WeightsError, match="no such file"):
        import_weights(folder / "absent.t7")
