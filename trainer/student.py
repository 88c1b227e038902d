"""NN4.small2 as a Keras model, for training; the same table as the inference graph."""

from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from workers.nn4 import (
    BATCH_NORM_EPSILON,
    DENSE_LAYER,
    EMBEDDING_SIZE,
    Conv,
    all_convs,
    walk,
)
from workers.weights_file import LocalResponseNorm, Weights


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
    """The operations of `nn4.walk` as Keras layers."""

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
        x = BatchNorm(self._momentum, layer.norm)(x)
        return keras.layers.ReLU()(x)

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
    """A trainable network: (batch, 96, 96, 3) float in [0, 1] to (batch, 128) unit vectors."""
    inputs = keras.Input((96, 96, 3))
    return keras.Model(inputs, walk(inputs, KerasOps(lrn)))


def student_weights(model: keras.Model, lrn: LocalResponseNorm, recipe: str) -> Weights:
    """Copy a model's numbers out into a weights file's arrays."""
    arrays = {}
    for layer in all_convs():
        kernel, bias = model.get_layer(layer.name).get_weights()
        arrays[f"{layer.name}/kernel"], arrays[f"{layer.name}/bias"] = kernel, bias
        values = model.get_layer(layer.norm).get_weights()
        for part, value in zip(("gamma", "beta", "mean", "variance"), values, strict=True):
            arrays[f"{layer.norm}/{part}"] = value
    kernel, bias = model.get_layer(DENSE_LAYER).get_weights()
    arrays[f"{DENSE_LAYER}/kernel"], arrays[f"{DENSE_LAYER}/bias"] = kernel, bias
    return Weights({n: np.asarray(a, np.float32) for n, a in arrays.items()}, lrn, recipe)


def load_into_student(model: keras.Model, weights: Weights) -> None:
    """Copy a weights file's arrays into a model."""
    arrays = weights.arrays
    for layer in all_convs():
        model.get_layer(layer.name).set_weights(
            [arrays[f"{layer.name}/kernel"], arrays[f"{layer.name}/bias"]]
        )
        model.get_layer(layer.norm).set_weights(
            [arrays[f"{layer.norm}/{part}"] for part in ("gamma", "beta", "mean", "variance")]
        )
    model.get_layer(DENSE_LAYER).set_weights(
        [arrays[f"{DENSE_LAYER}/kernel"], arrays[f"{DENSE_LAYER}/bias"]]
    )
