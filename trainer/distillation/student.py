"""NN4.small2 as a Keras model, for training; the same table as the inference graph."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from streamer.constants import EMBEDDING_SIZE
from workers.network.nn4 import (
    BATCH_NORM_EPSILON,
    DENSE_LAYER,
    Conv,
    build_head_layers,
    build_network,
)
from workers.network.weights_file import LocalResponseNorm


class BatchNorm(keras.layers.Layer):
    """Batch norm over positions by TensorFlow's fused kernel: Keras's own is several operations.

    A step of distillation takes two thirds of the time with it. Statistics stay float32. A layer
    that is not trainable keeps its statistics, as Keras's does.
    """

    def __init__(self, momentum: float, name: str) -> None:
        super().__init__(name=name)
        self._momentum = momentum

    def build(self, shape: tuple[int | None, ...]) -> None:
        def numbers(name: str, start: str, trainable: bool) -> keras.Variable:
            return self.add_weight(
                (shape[-1],), start, "float32", trainable=trainable, autocast=False, name=name
            )

        self.gamma, self.beta = numbers("gamma", "ones", True), numbers("beta", "zeros", True)
        self.mean, self.variance = numbers("mean", "zeros", False), numbers("var", "ones", False)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        learns = bool(training) and self.trainable
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=tf.zeros(0) if learns else tf.convert_to_tensor(self.mean),
            variance=tf.zeros(0) if learns else tf.convert_to_tensor(self.variance),
            epsilon=BATCH_NORM_EPSILON,
            is_training=learns,
        )
        if learns:
            for kept, now in ((self.mean, mean), (self.variance, variance)):
                kept.assign(kept * self._momentum + now * (1.0 - self._momentum))
        return y


class ChannelNorm(keras.layers.Layer):
    """Local response normalisation over channels; its factor is computed in float32.

    In the gradient the factor counts as a constant: the part left out is alpha (1e-4 or less)
    times the rest, and costs a tenth of a step.
    """

    def __init__(self, lrn: LocalResponseNorm) -> None:
        super().__init__()
        self._lrn = lrn

    def call(self, x: tf.Tensor) -> tf.Tensor:
        lrn, channels = self._lrn, x.shape[-1]
        index = np.arange(channels)
        band = (np.abs(index[:, None] - index) <= lrn.depth_radius).astype(np.float32) * lrn.alpha
        total = tf.nn.conv2d(tf.square(x), tf.constant(band[None, None], x.dtype), 1, "VALID")
        # total ** -0.75, for the beta of every known weights file, is cheaper by square roots.
        total = tf.cast(total, tf.float32) + lrn.bias
        root = tf.math.rsqrt(total)
        factor = root * tf.sqrt(root) if lrn.beta == 0.75 else tf.pow(total, -lrn.beta)
        return x * tf.stop_gradient(tf.cast(factor, x.dtype))


class L2Pool(keras.layers.Layer):
    """sqrt(sum of x²) over the window; float32 and an epsilon keep the gradient of its root."""

    def __init__(self, size: int, stride: int) -> None:
        super().__init__()
        self._size, self._stride = size, stride

    def call(self, x: tf.Tensor) -> tf.Tensor:
        mean = tf.nn.avg_pool2d(tf.square(x), self._size, self._stride, "VALID")
        total = tf.cast(mean, tf.float32) * float(self._size**2)
        return tf.cast(tf.sqrt(total + 1e-6), x.dtype)


class KerasOps:
    """The operations of `nn4.build_network` as Keras layers."""

    def __init__(self, lrn: LocalResponseNorm, momentum: float = 0.9) -> None:
        self._lrn = lrn
        self._momentum = momentum

    def conv(self, x: tf.Tensor, layer: Conv) -> tf.Tensor:
        x = self.zero_pad(x, (layer.pad, layer.pad))
        x = keras.layers.Conv2D(
            layer.channels,
            layer.kernel,
            layer.stride,
            kernel_initializer="he_normal",
            name=layer.name,
        )(x)
        return keras.layers.ReLU()(self.norm(x, layer.norm))

    def norm(self, x: tf.Tensor, name: str) -> tf.Tensor:
        """Return the batch norm of a convolution."""
        return BatchNorm(self._momentum, name)(x)

    def pool(self, x: tf.Tensor, kind: Literal["max", "l2"], size: int, stride: int) -> tf.Tensor:
        layer = keras.layers.MaxPooling2D(size, stride) if kind == "max" else L2Pool(size, stride)
        return layer(x)

    def zero_pad(self, x: tf.Tensor, pad: tuple[int, int]) -> tf.Tensor:
        return x if pad == (0, 0) else keras.layers.ZeroPadding2D((pad, pad))(x)

    def local_response_norm(self, x: tf.Tensor) -> tf.Tensor:
        return ChannelNorm(self._lrn)(x)

    def concatenate(self, parts: list[tf.Tensor]) -> tf.Tensor:
        return keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]

    def embed(self, x: tf.Tensor) -> tf.Tensor:
        x = keras.layers.GlobalAveragePooling2D(dtype="float32")(x)
        x = keras.layers.Dense(EMBEDDING_SIZE, name=DENSE_LAYER, dtype="float32")(x)
        return keras.layers.UnitNormalization(dtype="float32")(x)


def build_student(lrn: LocalResponseNorm) -> keras.Model:
    """Build a trainable network: (batch, 96, 96, 3) in [0, 1] to (batch, 128) unit vectors."""
    inputs = keras.Input((96, 96, 3))
    return keras.Model(inputs, build_network(inputs, KerasOps(lrn)))


def build_head(lrn: LocalResponseNorm) -> keras.Model:
    """Build a trainable 5a, 5b and dense: (batch, 3, 3, 1024) of the trunk to (batch, 128)."""
    inputs = keras.Input((3, 3, 1024))
    return keras.Model(inputs, build_head_layers(inputs, KerasOps(lrn)))


def arrays_of(model: keras.Model, convs: Sequence[Conv]) -> dict[str, NDArray[np.float32]]:
    """Copy the numbers of these convolutions, their norms and the dense layer out of a model."""
    arrays = {}
    for name, parts in _parts(convs):
        for part, value in zip(parts, model.get_layer(name).get_weights(), strict=True):
            arrays[f"{name}/{part}"] = np.asarray(value, np.float32)
    return arrays


def load_arrays(
    model: keras.Model, convs: Sequence[Conv], arrays: Mapping[str, NDArray[np.float32]]
) -> None:
    """Copy the numbers of these convolutions, their norms and the dense layer into a model."""
    for name, parts in _parts(convs):
        model.get_layer(name).set_weights([arrays[f"{name}/{part}"] for part in parts])


def _parts(convs: Sequence[Conv]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for layer in convs:
        yield layer.name, ("kernel", "bias")
        yield layer.norm, ("gamma", "beta", "mean", "variance")
    yield DENSE_LAYER, ("kernel", "bias")
