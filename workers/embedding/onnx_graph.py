"""The network as an ONNX model, for other programs and other runtimes.

Input `crops`: (batch, 3, 96, 96) float32, RGB in [0, 1]. Output `embeddings`: (batch, 128)
float32 unit vectors. Batch norms stand as they are in the weights file; a runtime folds them.
Needs the package onnx (extra `export`).
"""

from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from streamer.constants import CROP_SIZE, EMBEDDING_SIZE
from streamer.errors import ConfigError
from workers.network.nn4 import BATCH_NORM_EPSILON, DENSE_LAYER, Conv, build_network
from workers.network.weights_file import Weights

OPSET = 13
_IR_VERSION = 8


def onnx_bytes(weights: Weights) -> bytes:
    """Serialise the network as a ModelProto. Raises ConfigError if onnx is not installed."""
    if find_spec("onnx") is None:
        raise ConfigError("this needs onnx. Install it with: pip install 'facestream[export]'")
    from onnx import TensorProto, checker, helper

    ops = _OnnxOps(weights)
    result = build_network("crops", ops)
    shape: list[str | int | None] = ["batch", 3, CROP_SIZE, CROP_SIZE]
    graph = helper.make_graph(
        ops.nodes,
        "nn4_small2",
        [helper.make_tensor_value_info("crops", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(result, TensorProto.FLOAT, ["batch", EMBEDDING_SIZE])],
        ops.constants,
    )
    model = helper.make_model(
        graph,
        producer_name="facestream",
        ir_version=_IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    helper.set_model_props(model, {"weights": weights.fingerprint, "recipe": weights.recipe})
    checker.check_model(model)
    return bytes(model.SerializeToString())


class _OnnxOps:
    """The operations of `nn4.build_network`: each adds a node and gives its output's name."""

    def __init__(self, weights: Weights) -> None:
        self._arrays = weights.arrays
        self._lrn = weights.lrn
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def conv(self, x: str, layer: Conv) -> str:
        kernel = self._constant(
            f"{layer.name}/kernel",
            self._arrays[f"{layer.name}/kernel"].transpose(3, 2, 0, 1),
        )
        x = self._node(
            "Conv",
            [x, kernel, self._stored(f"{layer.name}/bias")],
            kernel_shape=[layer.kernel] * 2,
            strides=[layer.stride] * 2,
            pads=[layer.pad] * 4,
        )
        parts = [self._stored(f"{layer.norm}/{p}") for p in ("gamma", "beta", "mean", "variance")]
        x = self._node("BatchNormalization", [x, *parts], epsilon=BATCH_NORM_EPSILON)
        return self._node("Relu", [x])

    def pool(self, x: str, kind: Literal["max", "l2"], size: int, stride: int) -> str:
        window: dict[str, Any] = {"kernel_shape": [size] * 2, "strides": [stride] * 2}
        if kind == "max":
            return self._node("MaxPool", [x], **window)
        mean = self._node("AveragePool", [self._node("Mul", [x, x])], **window)
        area = self._constant(f"area_{len(self.nodes)}", np.array(size * size, np.float32))
        return self._node("Sqrt", [self._node("Mul", [mean, area])])

    def zero_pad(self, x: str, pad: tuple[int, int]) -> str:
        if pad == (0, 0):
            return x
        before, after = pad
        widths = np.array([0, 0, before, before, 0, 0, after, after], np.int64)
        return self._node("Pad", [x, self._constant(f"pad_{len(self.nodes)}", widths)])

    def local_response_norm(self, x: str) -> str:
        lrn = self._lrn
        size = 2 * lrn.depth_radius + 1  # ONNX divides alpha by it
        return self._node(
            "LRN", [x], size=size, alpha=lrn.alpha * size, beta=lrn.beta, bias=lrn.bias
        )

    def concatenate(self, parts: list[str]) -> str:
        return self._node("Concat", parts, axis=1)

    def embed(self, x: str) -> str:
        x = self._node("Flatten", [self._node("GlobalAveragePool", [x])], axis=1)
        dense = [self._stored(f"{DENSE_LAYER}/kernel"), self._stored(f"{DENSE_LAYER}/bias")]
        x = self._node("Gemm", [x, *dense])
        length = self._node("ReduceL2", [x], axes=[1], keepdims=1)
        return self._node("Div", [x, length], "embeddings")

    def _stored(self, name: str) -> str:
        return self._constant(name, self._arrays[name])

    def _constant(self, name: str, array: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def _node(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output
