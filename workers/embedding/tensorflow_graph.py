"""NN4.small2 for embedding: plain TensorFlow operations with every weight a constant.

Batch norm is folded into the convolutions and the division by 255 into the first one, so
the graph takes crops as they travel, uint8. Built once at start; nothing in it is trained.
In bfloat16 (8 bits hold the values of a uint8 crop exactly) everything up to the mean over
positions is computed in it; the dense layer and the norm stay float32.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from streamer.constants import CROP_SIZE, EMBEDDING_SIZE
from workers.embedding.interface import EmbedFunction, Precision
from workers.network.nn4 import (
    BATCH_NORM_EPSILON,
    DENSE_LAYER,
    Conv,
    build_network,
    build_trunk_layers,
)
from workers.network.weights_file import Weights


class InferenceOps:
    """The operations of `build_network` on TensorFlow tensors, NHWC, weights as constants."""

    def __init__(self, weights: Weights, precision: Precision = "float32") -> None:
        self._arrays = weights.arrays
        self._lrn = weights.lrn
        self._type = tf.as_dtype(precision)

    def conv(self, x: tf.Tensor, layer: Conv) -> tf.Tensor:
        kernel, bias = self.folded(layer)
        x = self.zero_pad(x, (layer.pad, layer.pad))
        x = tf.nn.conv2d(x, self._constant(kernel), layer.stride, "VALID")
        return tf.nn.relu(tf.nn.bias_add(x, self._constant(bias)))

    def _constant(self, array: NDArray[np.float32]) -> tf.Tensor:
        return tf.constant(array, self._type)

    def folded(self, layer: Conv) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a convolution's kernel and bias with its batch norm (and, first, 1/255) inside."""
        arrays, norm = self._arrays, layer.norm
        gain = arrays[f"{norm}/gamma"] / np.sqrt(arrays[f"{norm}/variance"] + BATCH_NORM_EPSILON)
        kernel = arrays[f"{layer.name}/kernel"] * gain
        bias = (arrays[f"{layer.name}/bias"] - arrays[f"{norm}/mean"]) * gain
        if layer.name == "conv1":
            kernel = kernel / np.float32(255)
        return kernel, bias + arrays[f"{norm}/beta"]

    def pool(self, x: tf.Tensor, kind: Literal["max", "l2"], size: int, stride: int) -> tf.Tensor:
        if kind == "max":
            return tf.nn.max_pool2d(x, size, stride, "VALID")
        mean = tf.nn.avg_pool2d(tf.square(x), size, stride, "VALID")
        return tf.sqrt(mean * tf.constant(size * size, self._type))

    def zero_pad(self, x: tf.Tensor, pad: tuple[int, int]) -> tf.Tensor:
        return x if pad == (0, 0) else tf.pad(x, [[0, 0], pad, pad, [0, 0]])

    def local_response_norm(self, x: tf.Tensor) -> tf.Tensor:
        # A sum over neighbouring channels is a product with a banded matrix; TensorFlow's own
        # LRN kernel is several times slower on a CPU. y ** -0.75 is rsqrt(y) * sqrt(rsqrt(y)).
        lrn, channels = self._lrn, x.shape[-1]
        index = np.arange(channels)
        band = (np.abs(index[:, None] - index) <= lrn.depth_radius).astype(np.float32) * lrn.alpha
        total = tf.nn.conv2d(tf.square(x), self._constant(band[None, None]), 1, "VALID")
        total += tf.constant(lrn.bias, self._type)
        if lrn.beta != 0.75:
            return x * tf.pow(total, tf.constant(-lrn.beta, self._type))
        root = tf.math.rsqrt(total)
        return x * (root * tf.sqrt(root))

    def concatenate(self, parts: list[tf.Tensor]) -> tf.Tensor:
        return tf.concat(parts, axis=-1)

    def embed(self, x: tf.Tensor) -> tf.Tensor:
        mean = tf.reduce_mean(tf.cast(x, tf.float32), axis=[1, 2])
        dense = tf.matmul(mean, tf.constant(self._arrays[f"{DENSE_LAYER}/kernel"]))
        return tf.math.l2_normalize(dense + self._arrays[f"{DENSE_LAYER}/bias"], axis=-1)


def build_embedder(weights: Weights, precision: Precision = "float32") -> EmbedFunction:
    """Build a function from (batch, 96, 96, 3) uint8 crops to (batch, 128) float32 unit vectors."""
    frozen = _network(weights, precision).get_concrete_function()

    def embed(crops_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        if not len(crops_rgb):
            return np.empty((0, EMBEDDING_SIZE), np.float32)
        return np.asarray(frozen(tf.constant(crops_rgb))["embeddings"], np.float32)

    return embed


def save_model(weights: Weights, folder: Path) -> None:
    """Write a SavedModel whose `serving_default` takes `crops_rgb` and gives `embeddings`."""
    module = tf.Module()
    module.embed = _network(weights, "float32")
    signature = module.embed.get_concrete_function()
    tf.saved_model.save(module, str(folder), {"serving_default": signature})


def build_trunk(weights: Weights) -> Callable[[tf.Tensor], tf.Tensor]:
    """Build conv1 to 4e in float32: (batch, 96, 96, 3) RGB, 0 to 255, to (batch, 3, 3, 1024)."""

    @tf.function(
        input_signature=[tf.TensorSpec((None, CROP_SIZE, CROP_SIZE, 3), tf.float32)],
        autograph=False,
    )
    def trunk(crops_rgb: tf.Tensor) -> tf.Tensor:
        return build_trunk_layers(crops_rgb, InferenceOps(weights))

    return trunk.get_concrete_function()


def _network(weights: Weights, precision: Precision) -> tf.types.experimental.PolymorphicFunction:
    @tf.function(
        input_signature=[tf.TensorSpec((None, CROP_SIZE, CROP_SIZE, 3), tf.uint8, "crops_rgb")],
        autograph=False,
    )
    def network(crops_rgb: tf.Tensor) -> dict[str, tf.Tensor]:
        ops = InferenceOps(weights, precision)
        return {"embeddings": build_network(tf.cast(crops_rgb, tf.as_dtype(precision)), ops)}

    return network
