"""The recipe on a few made faces: it learns, and it goes on exactly where it was killed."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.errors import DatasetError
from streamer.vision.align import MEAN_SHAPE, Alignment
from streamer.vision.images import resize_image
from trainer.distillation.augment import distorted_crop, plain_crop, shifted_crop
from trainer.distillation.distil import Distiller, DistilProgress, Recipe
from trainer.distillation.training_faces import TrainingFaces
from trainer.teachers.contexts import CONTEXT_SIZE, SQUARE_SIDE
from workers.network.nn4 import convs_up_to
from workers.network.weights_file import load_weights

pytestmark = pytest.mark.usefixtures("step_by_step")
RECIPE = Recipe(epochs=2.0, batch=4, warm_up_steps=2, peak_rate=1e-3)


def faces_of(portraits: list[NDArray[np.uint8]], alignment: Alignment) -> TrainingFaces:
    rng = np.random.default_rng(0)
    contexts = np.stack([np.clip(f + rng.normal(0, 5, f.shape), 0, 255) for f in portraits * 6])
    targets = rng.normal(0, 1, (2, 128))
    targets /= np.linalg.norm(targets, axis=1, keepdims=True)
    points = MEAN_SHAPE * SQUARE_SIDE + CONTEXT_SIZE / 2 - 0.5
    return TrainingFaces(
        contexts=contexts.astype(np.uint8),
        points=np.tile(points, (12, 1, 1)),
        targets=np.tile(targets, (6, 1)).astype(np.float32),
        alignment=alignment,
        facts={"teachers": ["t=1"]},
    )


@pytest.fixture
def portraits160(collins: NDArray[np.uint8], hopper: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    return [collins[20:180, 40:200], resize_image(hopper, 160, 160)]


@pytest.fixture
def faces(portraits160: list[NDArray[np.uint8]]) -> TrainingFaces:
    return faces_of(portraits160, "square")


def distiller(faces: TrainingFaces, work: Path) -> Distiller:
    return Distiller(faces, work, RECIPE, bfloat16=False)


def nothing(*_: object) -> None:
    pass


def test_a_stopped_run_goes_on_as_if_it_had_never_stopped(
    faces: TrainingFaces, folder: Path
) -> None:
    whole = distiller(faces, folder / "whole")
    losses: list[DistilProgress] = []
    assert whole.train(losses.append, nothing)
    assert whole.step == whole.steps == 6

    first = distiller(faces, folder / "parts")
    assert not first.train(nothing, nothing, should_stop=lambda: first.step == 3)
    second = distiller(faces, folder / "parts")
    assert second.step == 3
    assert second.train(nothing, nothing)

    one, other = whole.weights(), second.weights()
    for name, array in one.arrays.items():
        assert np.allclose(array, other.arrays[name], rtol=1e-3, atol=1e-4), name
    assert losses[-1].step == 6
    assert (folder / "whole" / "log.jsonl").read_text().count("\n") == len(losses)


def test_the_weights_say_how_their_crops_are_cut_and_are_a_mean_over_the_steps(
    portraits160: list[NDArray[np.uint8]], folder: Path
) -> None:
    run = distiller(faces_of(portraits160, "level"), folder)
    means: list[NDArray[np.float32]] = []

    def keep(_: object = None) -> bool:
        means.append(run.weights().arrays["conv1/kernel"])
        return False

    keep()
    assert run.train(nothing, nothing, should_stop=keep)
    assert run.weights().alignment == "level"
    changes = [float(np.abs(b - a).max()) for a, b in pairwise(means)]
    assert all(change > 0 for change in changes)


def test_another_run_does_not_go_on_in_this_folder(
    portraits160: list[NDArray[np.uint8]], folder: Path
) -> None:
    distiller(faces_of(portraits160, "square"), folder)
    with pytest.raises(DatasetError, match="other photos or settings"):
        distiller(faces_of(portraits160, "level"), folder)


def test_a_kill_while_the_checkpoint_is_written_leaves_the_last_one(
    faces: TrainingFaces, folder: Path
) -> None:
    run = distiller(faces, folder)
    run.train(nothing, nothing, should_stop=lambda: run.step == 2)
    (folder / ".123.checkpoint.npz").write_bytes(b"half")
    assert distiller(faces, folder).step == 2


def test_distortions_stay_pictures_and_differ(collins: NDArray[np.uint8]) -> None:
    context = np.ascontiguousarray(collins[:CONTEXT_SIZE, :CONTEXT_SIZE])
    rng = np.random.default_rng(0)
    plain = plain_crop(context)
    for cut in (distorted_crop, shifted_crop):
        crops = [cut(context, rng) for _ in range(20)]
        assert all(crop.shape == (96, 96, 3) and crop.dtype == np.float32 for crop in crops)
        assert all(crop.min() >= 0 and crop.max() <= 1 for crop in crops)
        assert not any(np.array_equal(crop, plain) for crop in crops)


def test_frozen_blocks_stay_as_the_start_has_them(
    portraits160: list[NDArray[np.uint8]], folder: Path
) -> None:
    start = load_weights()
    recipe = replace(RECIPE, frozen="3b")
    run = Distiller(faces_of(portraits160, "level"), folder, recipe, start, bfloat16=False)
    assert run.train(nothing, nothing)
    kept = {layer.name for layer in convs_up_to("3b")} | {one.norm for one in convs_up_to("3b")}
    for name, array in run.weights().arrays.items():
        same = np.allclose(array, start.arrays[name], rtol=1e-5, atol=1e-7)
        layer, part = name.split("/")
        if part != "bias" or layer in kept:  # a norm's gradient leaves none for the bias before it
            assert same == (layer in kept), name


def test_some_targets_are_what_the_teachers_say_of_the_crop_itself(
    portraits160: list[NDArray[np.uint8]], folder: Path
) -> None:
    described: list[int] = []

    def describe(crops: NDArray[np.float32]) -> NDArray[np.float32]:
        assert crops.shape[1:] == (96, 96, 3)
        described.append(len(crops))
        return np.tile(np.eye(1, 128, dtype=np.float32), (len(crops), 1))

    faces = replace(faces_of(portraits160, "level"), describe=describe)
    before = faces.targets.copy()
    run = Distiller(faces, folder, replace(RECIPE, view_share=0.5), bfloat16=False)
    assert run.train(nothing, nothing)
    assert 0 < sum(described) < 24
    assert np.array_equal(faces.targets, before)
