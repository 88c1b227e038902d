"""The libraries that can run the network, behind one function from crops to embeddings.

TensorFlow is always there; ONNX Runtime and OpenVINO are extras of the package. All compute the
same embeddings, so a gallery made with one serves the others.
"""

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.config.surroundings import not_installed
from streamer.constants import EMBEDDING_SIZE
from streamer.errors import ConfigError
from streamer.runtime.stderr import quiet_stderr
from workers.embedding.interface import EmbedFunction, Precision, Runtime
from workers.network.weights_file import Weights

_DEVICES = Path("/dev")
_GPU_DEVICES = ("nvidia[0-9]*", "kfd")


def installed(runtime: Runtime) -> bool:
    """Tell whether a runtime is installed, and what the network goes to it through."""
    return not not_installed(runtime)


def require_installed(runtime: Runtime) -> None:
    """Raise ConfigError where a runtime is not installed."""
    if fault := not_installed(runtime):
        raise ConfigError(fault)


def tensorflow_has_gpu(devices: Path = _DEVICES) -> bool:
    """Tell whether TensorFlow has a GPU to run on; it is asked only where there may be one."""
    if not any(True for pattern in _GPU_DEVICES for _ in devices.glob(pattern)):
        return False
    with quiet_stderr():
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))


def build(
    weights: Weights,
    threads: int,
    runtime: Runtime = "tensorflow",
    precision: Precision = "float32",
) -> EmbedFunction:
    """Build the network in a runtime: (batch, 96, 96, 3) uint8 RGB to (batch, 128) float32.

    Raises ConfigError where the runtime is not installed.
    """
    require_installed(runtime)
    if runtime == "tensorflow":
        return _tensorflow(weights, threads, precision)
    if runtime == "onnxruntime":
        return _onnxruntime(weights, threads)
    return _openvino(weights, threads, precision)


def _tensorflow(weights: Weights, threads: int, precision: Precision) -> EmbedFunction:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    from workers.embedding.tensorflow_graph import build_embedder

    # In a process that has used TensorFlow before, its threads stay as they are.
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    return build_embedder(weights, precision)


def _onnxruntime(weights: Weights, threads: int) -> EmbedFunction:
    import onnxruntime

    from workers.embedding.onnx_graph import onnx_bytes

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        onnx_bytes(weights), options, providers=["CPUExecutionProvider"]
    )

    def embed(crops_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        if not len(crops_rgb):
            return np.empty((0, EMBEDDING_SIZE), np.float32)
        planes = np.ascontiguousarray(crops_rgb.transpose(0, 3, 1, 2))
        scaled = planes.astype(np.float32) / np.float32(255)
        return np.asarray(session.run(None, {"crops": scaled})[0], np.float32)

    return embed


def _openvino(weights: Weights, threads: int, precision: Precision) -> EmbedFunction:
    import openvino
    from openvino.preprocess import PrePostProcessor

    from workers.embedding.onnx_graph import onnx_bytes

    core = openvino.Core()
    steps = PrePostProcessor(core.read_model(model=onnx_bytes(weights)))
    crops = steps.input()
    crops.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    crops.model().set_layout(openvino.Layout("NCHW"))
    crops.preprocess().convert_element_type(openvino.Type.f32).scale(255.0)
    compiled = core.compile_model(
        steps.build(),
        "CPU",
        {
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
        },
    )
    request = compiled.create_infer_request()

    def embed(crops_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        if not len(crops_rgb):
            return np.empty((0, EMBEDDING_SIZE), np.float32)
        return np.array(request.infer({0: crops_rgb})[0], np.float32)

    return embed
