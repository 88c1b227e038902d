"""The recipe on a few made faces: it learns, and it goes on exactly where it was killed."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.distillation.augment import distorted_crop, plain_crop, shifted_crop
from trainer.distillation.distil import Distiller, DistilProgress, Recipe
from trainer.distillation.face_cache import CONTEXT_SIZE, FaceCache

RECIPE = Recipe(epochs=2.0, batch=4, warm_up_steps=2, peak_rate=1e-3)


@pytest.fixture
def cache(collins: NDArray[np.uint8], hopper: NDArray[np.uint8]) -> FaceCache:
    import cv2

    rng = np.random.default_rng(0)
    faces = [collins[20:180, 40:200], np.asarray(cv2.resize(hopper, (160, 160)), np.uint8)] * 6
    contexts = np.stack([np.clip(f + rng.normal(0, 5, f.shape), 0, 255) for f in faces])
    descriptors = rng.normal(0, 1, (2, 128))
    descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True)
    paths = [f"{index}.png" for index in range(12)]
    return FaceCache(
        contexts.astype(np.uint8), np.tile(descriptors, (6, 1)).astype(np.float32), paths
    )


def distiller(cache: FaceCache, work: Path) -> Distiller:
    return Distiller(cache, work, RECIPE, bfloat16=False)


def nothing(*_: object) -> None:
    pass


def test_a_stopped_run_goes_on_as_if_it_had_never_stopped(cache: FaceCache, folder: Path) -> None:
    whole = distiller(cache, folder / "whole")
    losses: list[DistilProgress] = []
    assert whole.train(losses.append, nothing)
    assert whole.step == whole.steps == 6

    first = distiller(cache, folder / "parts")
    assert not first.train(nothing, nothing, should_stop=lambda: first.step == 3)
    second = distiller(cache, folder / "parts")
    assert second.step == 3
    assert second.train(nothing, nothing)

    one, other = whole.weights(), second.weights()
    for name, array in one.arrays.items():
        assert np.allclose(array, other.arrays[name], rtol=1e-3, atol=1e-4), name
    assert losses[-1].step == 6
    assert (folder / "whole" / "log.jsonl").read_text().count("\n") == len(losses)


def test_a_kill_while_the_checkpoint_is_written_leaves_the_last_one(
    cache: FaceCache, folder: Path
) -> None:
    run = distiller(cache, folder)
    run.train(nothing, nothing, should_stop=lambda: run.step == 2)
    (folder / ".123.checkpoint.npz").write_bytes(b"half")
    assert distiller(cache, folder).step == 2


def test_distortions_stay_pictures_and_differ(collins: NDArray[np.uint8]) -> None:
    context = np.ascontiguousarray(collins[:CONTEXT_SIZE, :CONTEXT_SIZE])
    rng = np.random.default_rng(0)
    plain = plain_crop(context)
    for cut in (distorted_crop, shifted_crop):
        crops = [cut(context, rng) for _ in range(20)]
        assert all(crop.shape == (96, 96, 3) and crop.dtype == np.float32 for crop in crops)
        assert all(crop.min() >= 0 and crop.max() <= 1 for crop in crops)
        assert not any(np.array_equal(crop, plain) for crop in crops)
