"""Muon (Jordan et al. 2024), a rule that learns from fewer crops than AdamW alone.

A step of a convolution's kernel, as a matrix of inputs by output channels, is the orthogonal
matrix next to its averaged gradient, so that rare directions count as much as common ones. It
is scaled to the size of AdamW's steps (Liu et al. 2025, "Muon is scalable for LLM training"), so
rates and decay mean the same. What is no kernel of a convolution is left to AdamW.
"""

import keras
import tensorflow as tf

_AVERAGING = 0.95
_ROUNDS = 5
# Jordan's polynomial: singular values of 0.01 to 1 come to about 1 in five rounds.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_RMS_OF_ADAMW = 0.2


class Muon(keras.optimizers.AdamW):
    """AdamW, but for kernels of convolutions (four dimensions); Keras's own is for matrices."""

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Change one variable by its gradient."""
        if len(variable.shape) != 4:
            super().update_step(gradient, variable, learning_rate)
            return
        average = self._momentums[self._get_variable_index(variable)]
        self.assign(average, average * _AVERAGING + gradient)
        ahead = gradient + average * _AVERAGING
        rows, columns = ahead.shape[0] * ahead.shape[1] * ahead.shape[2], ahead.shape[3]
        turned = orthogonal(tf.reshape(ahead, (rows, columns)))
        size = _RMS_OF_ADAMW * max(rows, columns) ** 0.5
        self.assign_sub(variable, tf.reshape(turned, ahead.shape) * (size * learning_rate))


def orthogonal(matrix: tf.Tensor) -> tf.Tensor:
    """Return about U V' of a (m, n) matrix U S V': its singular values come near 1.

    Newton and Schulz's iteration, in bfloat16.
    """
    x = tf.cast(matrix / (tf.norm(matrix) + 1e-7), tf.bfloat16)
    upright = x.shape[0] > x.shape[1]
    x = tf.transpose(x) if upright else x
    for _ in range(_ROUNDS):
        square = tf.matmul(x, x, transpose_b=True)
        x = _A * x + tf.matmul(_B * square + _C * tf.matmul(square, square), x)
    return tf.cast(tf.transpose(x) if upright else x, tf.float32)
