"""What teachers are shown of a training crop, and what is made of their words."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.vision.align import CROP_POINTS, MEAN_SHAPE, align_crop
from trainer.distillation.targets import targets_for
from trainer.distillation.views import view_context, view_describer
from trainer.teachers.contexts import CONTEXT_SIZE, SQUARE_SIDE
from trainer.teachers.faces import Faces
from trainer.teachers.teacher import describe

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tests.trainer.teachers.tiny import write_tiny_teacher
from trainer.teachers.network_teacher import load_network_teacher

POINTS = MEAN_SHAPE * SQUARE_SIDE + CONTEXT_SIZE / 2 - 0.5


@pytest.fixture
def context(collins: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(collins[20:180, 40:200])


def test_a_crop_lies_in_its_context_where_it_was_cut(context: NDArray[np.uint8]) -> None:
    bgr = np.ascontiguousarray(context[:, :, ::-1])
    crop = align_crop(bgr, POINTS, CROP_POINTS)
    laid = view_context(np.asarray(crop / 255, np.float32))
    assert laid.shape == context.shape
    again = align_crop(np.ascontiguousarray(laid[:, :, ::-1]), POINTS, CROP_POINTS)
    assert np.abs(again.astype(int) - crop).mean() < 4
    inside = slice(30, 130)
    apart = np.abs(laid[inside, inside].astype(int) - context[inside, inside]).mean()
    shifted = np.roll(laid, 6, axis=1)[inside, inside]
    assert apart < np.abs(shifted.astype(int) - context[inside, inside]).mean() / 2


def test_of_a_clean_crop_they_say_what_they_say_of_the_photo(
    context: NDArray[np.uint8], folder: Path
) -> None:
    teacher = load_network_teacher(write_tiny_teacher(folder, part=8))
    noise = np.random.default_rng(0).normal(0, 40, (40, 1, 1, 3))
    contexts = np.clip(context + noise, 0, 255).astype(np.uint8)
    points = np.tile(POINTS, (40, 1, 1))
    faces = Faces(contexts, points, (describe(teacher, contexts, points),), ["x.png"] * 40)
    targets = targets_for(faces, [1.0], None, "level", folder)
    crops = [align_crop(np.ascontiguousarray(c[:, :, ::-1]), POINTS, CROP_POINTS) for c in contexts]
    said = view_describer([teacher], targets)(np.asarray(np.stack(crops) / 255, np.float32))
    alike = said @ targets.vectors.T
    assert (alike.argmax(axis=1) == np.arange(40)).mean() > 0.7
