"""Every way to run the network gives the same embeddings; so does code that is not ours."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from streamer.vision.detect import HaarDetector
from workers.embedding.onnx_graph import onnx_bytes
from workers.embedding.runtimes import build, tensorflow_has_gpu
from workers.embedding.tensorflow_graph import build_embedder, save_model
from workers.network.weights_file import Weights, load_weights


@pytest.fixture(scope="module")
def weights() -> Weights:
    return load_weights()


@pytest.fixture(scope="module")
def crops(collins: NDArray[np.uint8], hopper: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """500 crops cut from the two portraits at random."""
    rng = np.random.default_rng(0)
    found = []
    for index in range(500):
        image = (collins, hopper)[index % 2]
        side = float(rng.uniform(40, 200))
        x, y = rng.uniform(0, np.array(image.shape[1::-1]) - 40)
        found.append(cut_crop(image, Box(float(x), float(y), side, side)))
    return np.stack(found)


@pytest.fixture(scope="module")
def faces(collins: NDArray[np.uint8], hopper: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """500 crops of the two portraits' faces, cut loosely."""
    rng = np.random.default_rng(1)
    portraits, detect = (collins, hopper), HaarDetector().detect
    boxes = [max(detect(image), key=lambda box: box.width) for image in portraits]
    found = []
    for index in range(500):
        image, (x, y, side, _) = portraits[index % 2], boxes[index % 2]
        shift_x, shift_y = rng.uniform(-0.15, 0.15, 2) * side
        scale = float(rng.uniform(0.8, 1.25))
        found.append(cut_crop(image, Box(x + shift_x, y + shift_y, side * scale, side * scale)))
    return np.stack(found)


def embed_all(embed: object, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    assert callable(embed)
    return np.concatenate([embed(crops[start : start + 50]) for start in range(0, len(crops), 50)])


@pytest.fixture(scope="module")
def expected(weights: Weights, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    return embed_all(build_embedder(weights), crops)


def test_opencv_gives_the_same_from_the_onnx_file(
    weights: Weights, crops: NDArray[np.uint8], expected: NDArray[np.float32]
) -> None:
    network = cv2.dnn.readNetFromONNX(np.frombuffer(onnx_bytes(weights), np.uint8))
    found = []
    for start in range(0, len(crops), 50):
        network.setInput(cv2.dnn.blobFromImages(list(crops[start : start + 50]), 1 / 255))
        found.append(network.forward())
    assert (np.concatenate(found) * expected).sum(axis=1).min() > 0.9999


def test_tensorflow_in_float32(
    weights: Weights, crops: NDArray[np.uint8], expected: NDArray[np.float32]
) -> None:
    # It is the graph of `expected`, in as many threads as are asked for.
    found = embed_all(build(weights, 1, "tensorflow", "float32"), crops[:100])
    assert found.dtype == np.float32
    assert (found * expected[:100]).sum(axis=1).min() > 0.9999


def test_tensorflow_in_bfloat16(
    weights: Weights,
    crops: NDArray[np.uint8],
    expected: NDArray[np.float32],
    faces: NDArray[np.uint8],
) -> None:
    embed = build(weights, 1, "tensorflow", "bfloat16")
    found = embed_all(embed, faces)
    assert found.dtype == np.float32
    assert (found * embed_all(build_embedder(weights), faces)).sum(axis=1).min() > 0.999
    # Walls and coats, where there is little to see, suffer more from rounding.
    alike = (embed_all(embed, crops) * expected).sum(axis=1)
    assert alike.min() > 0.995
    assert np.quantile(alike, 0.05) > 0.999


def test_onnxruntime(
    weights: Weights, crops: NDArray[np.uint8], expected: NDArray[np.float32]
) -> None:
    embed = build(weights, 1, "onnxruntime")
    assert (embed_all(embed, crops[:100]) * expected[:100]).sum(axis=1).min() > 0.9999
    assert embed(crops[:0]).shape == (0, 128)


def test_openvino(
    weights: Weights, crops: NDArray[np.uint8], expected: NDArray[np.float32]
) -> None:
    pytest.importorskip("openvino")
    embed = build(weights, 1, "openvino", "float32")
    assert (embed_all(embed, crops[:100]) * expected[:100]).sum(axis=1).min() > 0.9999


def test_a_saved_model_for_other_programs(
    weights: Weights, crops: NDArray[np.uint8], expected: NDArray[np.float32], folder: Path
) -> None:
    import tensorflow as tf

    save_model(weights, folder / "model")
    serve = tf.saved_model.load(str(folder / "model")).signatures["serving_default"]
    found = serve(crops_rgb=tf.constant(crops[:20]))["embeddings"].numpy()
    assert (found * expected[:20]).sum(axis=1).min() > 0.9999


@pytest.mark.parametrize(
    ("devices", "asked"), [((), False), (("tty", "nvidiactl"), False), (("nvidia0",), True)]
)
def test_tensorflow_is_asked_for_a_gpu_only_where_there_may_be_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, devices: tuple[str, ...], asked: bool
) -> None:
    import tensorflow as tf

    for device in devices:
        (folder / device).touch()
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    assert tensorflow_has_gpu(folder) is asked
