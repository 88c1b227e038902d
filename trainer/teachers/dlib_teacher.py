"""A teacher: dlib's face recognition ResNet, run by TensorFlow.

The file `dlib_face_recognition_resnet_model_v1.dat` (public domain, in the PyPI package
face-recognition-models) holds 29 convolutions of 3x3 (the first 7x7, stride 2), each followed
by a learned affine step, in residual blocks of two; a block that halves its input has stride 2
in its first convolution and a 2x2 average pool on its shortcut, whose missing channels are
zeros. Layout: dlib's `dnn_face_recognition_ex.cpp`. TensorFlow runs it in batches, several
times faster than dlib's wheel, which has no BLAS; the results agree to 1e-6.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from streamer.errors import ConfigError
from trainer.teachers.dlib_files import RESNET, dlib_file, dlib_square
from workers.embedding.interface import EmbedFunction

CHIP_SIZE = 150
CHIP_PADDING = 0.25
_MEAN_RGB = (122.782, 117.001, 104.298)


class DlibTeacher:
    """dlib's network, on chips that its own landmarks level. Raises ConfigError."""

    key = "dlib"
    chip_size = CHIP_SIZE

    def __init__(self) -> None:
        self.descriptors = load_network()
        import dlib

        self._landmarks = dlib.shape_predictor(
            str(dlib_file("shape_predictor_5_face_landmarks.dat"))
        )
        self._square = dlib_square()

    def chip(
        self, context_rgb: NDArray[np.uint8], points: NDArray[np.float64]
    ) -> NDArray[np.uint8]:
        """(150, 150, 3) by dlib's five points: corners of the eyes, and under the nose."""
        import dlib

        context_rgb = np.ascontiguousarray(context_rgb)
        shape = self._landmarks(context_rgb, self._square)
        chip = dlib.get_face_chip(context_rgb, shape, CHIP_SIZE, CHIP_PADDING)
        return np.asarray(chip, np.uint8)


@dataclass(frozen=True)
class _Convolution:
    kernel: NDArray[np.float32]  # (height, width, in, out), the affine gain folded in
    bias: NDArray[np.float32]


def load_network() -> EmbedFunction:
    """Load a function from (batch, 150, 150, 3) uint8 RGB chips to (batch, 128) descriptors."""
    stem, blocks, dense = _parse(dlib_file(RESNET).read_bytes())

    @tf.function(
        input_signature=[tf.TensorSpec((None, CHIP_SIZE, CHIP_SIZE, 3), tf.uint8)], autograph=False
    )
    def network(chips_rgb: tf.Tensor) -> tf.Tensor:
        x = (tf.cast(chips_rgb, tf.float32) - tf.constant(_MEAN_RGB)) / 256.0
        x = tf.nn.max_pool2d(tf.nn.relu(_convolve(x, stem, 2)), 3, 2, "VALID")
        for first, second, halves in blocks:
            y = tf.nn.relu(_convolve(x, first, 2 if halves else 1))
            y = _convolve(y, second, 1)
            shortcut = tf.nn.avg_pool2d(x, 2, 2, "VALID") if halves else x
            x = tf.nn.relu(_zero_extend(y, shortcut) + _zero_extend(shortcut, y))
        return tf.reduce_mean(x, axis=[1, 2]) @ tf.constant(dense)

    frozen = network.get_concrete_function()
    return lambda chips_rgb: frozen(tf.constant(chips_rgb)).numpy()


def _convolve(x: tf.Tensor, layer: _Convolution, stride: int) -> tf.Tensor:
    if stride == 1:
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    return tf.nn.conv2d(x, tf.constant(layer.kernel), stride, "VALID") + tf.constant(layer.bias)


def _zero_extend(x: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Pad with zeros at the far ends where `other` is larger (dlib's add_prev)."""
    missing = [max(0, other.shape[axis] - x.shape[axis]) for axis in (1, 2, 3)]
    return tf.pad(x, [[0, 0], *([0, extra] for extra in missing)]) if any(missing) else x


def _parse(
    raw: bytes,
) -> tuple[_Convolution, list[tuple[_Convolution, _Convolution, bool]], NDArray[np.float32]]:
    parts: list[tuple[str, Any]] = []
    for match in re.finditer(rb"con_4|affine_|avg_pool_2|add_prev_", raw):
        name = match.group().decode()
        parts.append((name, _tensor(raw, match.end()) if name in ("con_4", "affine_") else None))
    _, _, after_sizes = _integers(raw, raw.rindex(b"fc_2") + len(b"fc_2"), 2)
    dense = _tensor(raw, after_sizes)
    position = 0
    channels = 3

    def take() -> _Convolution:
        nonlocal position, channels
        flat, affine = parts[position][1], parts[position + 1][1]
        position += 2
        out = affine.size // 2
        side = round(((flat.size - out) / (out * channels)) ** 0.5)
        kernel = flat[:-out].reshape(out, channels, side, side).transpose(2, 3, 1, 0)
        channels = out
        return _Convolution(kernel * affine[:out], flat[-out:] * affine[:out] + affine[out:])

    stem = take()
    blocks = []
    while position < len(parts) and parts[position][0] == "con_4":
        first, second = take(), take()
        halves = parts[position][0] == "avg_pool_2"
        position += 2 if halves else 1
        blocks.append((first, second, halves))
    return stem, blocks, dense.reshape(256, 128)


def _integers(raw: bytes, position: int, count: int) -> tuple[int, ...]:
    """`count` integers, each behind a byte with its length; last, the position after them."""
    numbers = []
    for _ in range(count):
        length = raw[position] & 0x0F
        numbers.append(int.from_bytes(raw[position + 1 : position + 1 + length], "little"))
        position += 1 + length
    return *numbers, position


def _tensor(raw: bytes, position: int) -> NDArray[np.float32]:
    """Read a tensor as dlib writes it: version 2, four sizes, then the floats."""
    version, samples, depth, rows, columns, position = _integers(raw, position, 5)
    if version != 2:
        raise ConfigError(f"the teacher's file must hold tensors of version 2. Received: {version}")
    return np.frombuffer(raw, "<f4", samples * depth * rows * columns, position)
