"""The libraries that can run the network, behind one function from crops to embeddings.

TensorFlow is the default; ONNX Runtime and OpenVINO are extras of the package, for machines on
which `scripts/bench embed` shows them to be faster. All compute the same embeddings, so a
gallery made with one serves the others.
"""

import os
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from streamer.constants import EMBEDDING_SIZE
from streamer.errors import ConfigError
from workers.embedding.interface import EmbedFunction, Precision, Runtime
from workers.embedding.precision import (
    answer_key,
    measure_precision,
    remembered,
    this_processor,
)
from workers.network.weights_file import Weights

PRECISIONS: tuple[Precision, ...] = get_args(Precision)


def build(
    weights: Weights,
    threads: int,
    runtime: Runtime = "tensorflow",
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
    answers: Path | None = None,
) -> EmbedFunction:
    """Build the network in a runtime: (batch, 96, 96, 3) uint8 RGB to (batch, 128) float32.

    "auto" is the faster precision of those that the processor multiplies; it is measured for a
    moment, and `answers` names the file that remembers it. ONNX Runtime has no bfloat16 kernels.
    Raises ConfigError where the runtime is not installed.
    """
    processor = this_processor()
    if precision != "auto":
        return _build(weights, threads, runtime, precision)
    if runtime == "onnxruntime" or not processor.bfloat16:
        return _build(weights, threads, runtime, "float32")
    key = answer_key(processor, runtime, weights.fingerprint, threads)
    with remembered(answers) as known:
        if known.get(key) not in PRECISIONS:
            networks = {each: _build(weights, threads, runtime, each) for each in PRECISIONS}
            known[key] = chosen = measure_precision(networks)
            return networks[chosen]
    return _build(weights, threads, runtime, "float32" if known[key] == "float32" else "bfloat16")


def _build(weights: Weights, threads: int, runtime: Runtime, precision: Precision) -> EmbedFunction:
    if runtime == "tensorflow":
        return _tensorflow(weights, threads, precision)
    if find_spec(runtime) is None:
        raise ConfigError(
            f"embed.runtime is {runtime}, which is not installed. Install it with: "
            f"pip install 'facestream[{runtime}]', or set it to tensorflow"
        )
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
