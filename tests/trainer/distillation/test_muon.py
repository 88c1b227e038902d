"""The rule of distillation's steps: orthogonal for kernels, AdamW's for the rest."""

import keras
import numpy as np
import pytest

from trainer.distillation.muon import Muon, orthogonal

RATE = 0.01


@pytest.mark.parametrize("shape", [(27, 6), (6, 40), (16, 16)])
def test_a_matrix_becomes_nearly_orthogonal_in_its_own_directions(shape: tuple[int, int]) -> None:
    matrix = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    left, _, right = np.linalg.svd(matrix, full_matrices=False)

    found = orthogonal(keras.ops.convert_to_tensor(matrix)).numpy()

    lengths = np.linalg.svd(found, compute_uv=False)
    assert lengths.min() > 0.4
    assert lengths.max() < 1.5
    similar = float((found * (left @ right)).sum()) / np.linalg.norm(found) / min(shape) ** 0.5
    assert similar > 0.93


def variables() -> tuple[keras.Variable, keras.Variable]:
    start = np.random.default_rng(2).normal(size=(3, 3, 4, 8)).astype(np.float32)
    return keras.Variable(start, name="kernel"), keras.Variable(np.zeros(8, "f"), name="bias")


def test_a_kernel_takes_steps_of_one_size_however_large_its_gradient_is() -> None:
    sizes = []
    for scale in (1e-4, 1.0):
        kernel, bias = variables()
        before = kernel.numpy()
        optimiser = Muon(RATE, weight_decay=0.0)
        optimiser.build([kernel, bias])
        gradient = np.random.default_rng(3).normal(size=before.shape).astype(np.float32) * scale
        optimiser.apply_gradients([(keras.ops.convert_to_tensor(gradient), kernel)])
        sizes.append(float(np.sqrt(((kernel.numpy() - before) ** 2).mean())))

    assert sizes[0] == pytest.approx(sizes[1], rel=0.05)
    # AdamW's first step is the rate in each number; one that goes all ways is a fifth of it.
    assert sizes[1] == pytest.approx(0.2 * RATE, rel=0.25)


def test_what_is_no_kernel_is_changed_as_adamw_does() -> None:
    gradient = np.linspace(-1, 1, 8, dtype=np.float32)
    ends = []
    for rule in (Muon, keras.optimizers.AdamW):
        _, bias = variables()
        optimiser = rule(RATE, weight_decay=0.0)
        optimiser.build([bias])
        for _ in range(3):
            optimiser.apply_gradients([(keras.ops.convert_to_tensor(gradient), bias)])
        ends.append(bias.numpy())

    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-6)
    assert np.abs(ends[0]).max() > RATE
