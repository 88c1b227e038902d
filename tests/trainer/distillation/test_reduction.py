import numpy as np

from trainer.distillation.reduction import reduction_of
from trainer.teachers.descriptors import unit


def test_reduction_keeps_the_similarities_of_what_varies() -> None:
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(40, 40)))[0]
    strong = rng.normal(size=(500, 8)) @ basis[:8]
    descriptors = (strong + 0.01 * rng.normal(size=(500, 40)) + basis[9] * 3).astype(np.float32)
    reduction = reduction_of(descriptors, 8)
    assert reduction.kept > 0.99
    targets = reduction(descriptors)
    assert targets.shape == (500, 8)
    centred = unit(descriptors - descriptors.mean(axis=0))
    assert np.abs(targets @ targets.T - centred @ centred.T).max() < 0.02


def test_a_turned_reduction_changes_no_similarity_and_comes_near() -> None:
    rng = np.random.default_rng(1)
    descriptors = unit(rng.normal(size=(300, 12)))
    reduction = reduction_of(descriptors, 6)
    targets = reduction(descriptors)
    start = targets @ np.linalg.qr(rng.normal(size=(6, 6)))[0].astype(np.float32)
    turned = reduction.turned(targets, start)(descriptors)
    assert np.allclose(turned @ turned.T, targets @ targets.T, atol=1e-5)
    assert np.allclose(turned, start, atol=1e-4)


def test_fewer_numbers_than_wanted_leave_zeros() -> None:
    descriptors = unit(np.random.default_rng(2).normal(size=(50, 4)))
    reduction = reduction_of(descriptors, 10)
    targets = reduction(descriptors)
    assert targets.shape == (50, 10)
    assert not targets[:, 4:].any()
    assert np.allclose(np.linalg.norm(targets, axis=1), 1, atol=1e-5)
    assert reduction.kept == 1
