"""The landmarks network: a table, built once for Keras and once, folded, as the ONNX file.

The batch norms are folded into the convolutions of the file, which OpenCV reads.
"""

from typing import Any, Literal, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from streamer.vision.landmarks import VIEW_SIZE
from trainer.distillation.student import BatchNorm
from workers.network.nn4 import BATCH_NORM_EPSILON

POINTS = 5
_OUTPUTS = 2 * POINTS + 1
_MOMENTUM = 0.99
_OPSET, _IR_VERSION = 13, 8


class _Layer(NamedTuple):
    """A convolution and its ReLU; `depth`: one 3x3 per channel, then 1x1."""

    kind: Literal["full", "depth"]
    channels: int
    stride: int


NETWORK = (
    _Layer("full", 16, 2),
    _Layer("full", 16, 1),
    _Layer("full", 32, 2),
    _Layer("full", 32, 1),
    _Layer("depth", 64, 2),
    _Layer("depth", 64, 1),
    _Layer("depth", 48, 2),
)
"""From 56 x 56 to 4 x 4; a last convolution over all of that gives the eleven numbers."""


def build_network() -> keras.Model:
    """Build it: (batch, 56, 56, 1) to (batch, 11), ten coordinates in shares and a logit."""
    x = inputs = keras.Input((VIEW_SIZE, VIEW_SIZE, 1))
    for index, layer in enumerate(NETWORK):
        if layer.kind == "depth":
            x = keras.layers.ZeroPadding2D(1)(x)
            x = keras.layers.DepthwiseConv2D(3, layer.stride, use_bias=False, name=f"d{index}")(x)
            x = _norm(f"d{index}n", x)
            x = keras.layers.Conv2D(layer.channels, 1, use_bias=False, name=f"c{index}")(x)
        else:
            x = keras.layers.ZeroPadding2D(1)(x)
            x = keras.layers.Conv2D(
                layer.channels, 3, layer.stride, use_bias=False, name=f"c{index}"
            )(x)
        x = _norm(f"c{index}n", x)
    x = keras.layers.Conv2D(_OUTPUTS, x.shape[1], name="last")(x)
    return keras.Model(inputs, keras.layers.Flatten()(x))


def _norm(name: str, x: Any) -> Any:
    return keras.layers.ReLU()(BatchNorm(_MOMENTUM, name)(x))


def onnx_bytes(model: keras.Model) -> bytes:
    """Return the network as ONNX: `views` (batch, 1, 56, 56) to `landmarks` (batch, 11)."""
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes: list[Any] = []
    constants: list[Any] = []

    def convolve(x: str, name: str, norm: str, **attributes: Any) -> str:
        kernel, bias = _folded(model, name, norm)
        for part, array in (("kernel", kernel), ("bias", bias)):
            constants.append(numpy_helper.from_array(array, f"{name}/{part}"))
        inputs = [x, f"{name}/kernel", f"{name}/bias"]
        nodes.append(helper.make_node("Conv", inputs, [name], **attributes))
        if not norm:
            return name
        nodes.append(helper.make_node("Relu", [name], [f"{name}/relu"]))
        return f"{name}/relu"

    x, channels = "views", 1
    for index, layer in enumerate(NETWORK):
        window: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [1] * 4}
        window["strides"] = [layer.stride] * 2
        if layer.kind == "depth":
            x = convolve(x, f"d{index}", f"d{index}n", group=channels, **window)
            window = {"kernel_shape": [1, 1]}
        x = convolve(x, f"c{index}", f"c{index}n", **window)
        channels = layer.channels
    x = convolve(x, "last", "")
    nodes.append(helper.make_node("Flatten", [x], ["landmarks"], axis=1))
    views: list[str | int | None] = ["batch", 1, VIEW_SIZE, VIEW_SIZE]
    graph = helper.make_graph(
        nodes,
        "landmarks",
        [helper.make_tensor_value_info("views", TensorProto.FLOAT, views)],
        [helper.make_tensor_value_info("landmarks", TensorProto.FLOAT, ["batch", _OUTPUTS])],
        constants,
    )
    made = helper.make_model(
        graph,
        producer_name="facestream",
        ir_version=_IR_VERSION,
        opset_imports=[helper.make_opsetid("", _OPSET)],
    )
    checker.check_model(made)
    return bytes(made.SerializeToString())


def _folded(
    model: keras.Model, name: str, norm: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return kernel (out, in, height, width) and bias of a convolution with its batch norm."""
    kernel, *rest = model.get_layer(name).get_weights()
    depth = name.startswith("d")
    kernel = kernel.transpose(2, 3, 0, 1) if depth else kernel.transpose(3, 2, 0, 1)
    if not norm:
        return np.ascontiguousarray(kernel, np.float32), np.asarray(rest[0], np.float32)
    gamma, beta, mean, variance = model.get_layer(norm).get_weights()
    gain = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
    folded = np.ascontiguousarray(kernel * gain[:, None, None, None], np.float32)
    return folded, np.asarray(beta - mean * gain, np.float32)
