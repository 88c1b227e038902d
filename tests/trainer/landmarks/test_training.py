from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.vision.align import MEAN_SHAPE
from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from streamer.vision.landmarks import VIEW_ENLARGE, VIEW_SIZE, LandmarkFinder, network_input
from trainer.landmarks.faces import LandmarkFaces
from trainer.landmarks.training import LandmarksRecipe, LandmarksTraining
from trainer.teachers.contexts import CONTEXT_SIZE, SQUARE_SIDE

pytest.importorskip("onnx")
POINTS = MEAN_SHAPE * SQUARE_SIDE + CONTEXT_SIZE / 2 - 0.5


@pytest.fixture
def faces(collins: NDArray[np.uint8]) -> LandmarkFaces:
    contexts = np.stack([collins[20:180, 40:200]] * 4)
    points = np.stack([POINTS] * 4).astype(np.float32)
    return LandmarkFaces(contexts, points, contexts[:0])


def test_it_learns_and_the_file_says_the_same_as_the_model(
    faces: LandmarkFaces, folder: Path
) -> None:
    recipe = LandmarksRecipe(steps=120, batch=16, warm_up_steps=5, peak_rate=2e-3)
    training = LandmarksTraining(faces, folder, recipe)
    losses: list[float] = []
    assert training.train(lambda step, loss: losses.append(loss))
    assert losses[-1] < losses[0]
    content = training.onnx()
    assert len(content) < 150_000
    (folder / "made.onnx").write_bytes(content)
    box = Box(30, 30, 100, 100)
    (found,) = LandmarkFinder(folder / "made.onnx").find(faces.contexts[0], [box])
    view = cut_crop(faces.contexts[0], box, VIEW_ENLARGE, VIEW_SIZE)
    views = network_input(view[None]).transpose(0, 2, 3, 1)
    output = training.outputs(views)[0]
    expected = (output[:10].reshape(5, 2) + 0.5) * 140 + (10 - 0.5)
    assert np.allclose(found.points, expected, atol=0.05)
    assert found.confidence == pytest.approx(1 / (1 + np.exp(-output[10])), abs=1e-3)


@pytest.mark.usefixtures("step_by_step")
def test_a_stopped_run_goes_on_as_if_it_had_never_stopped(
    faces: LandmarkFaces, folder: Path
) -> None:
    recipe = LandmarksRecipe(steps=6, batch=8, warm_up_steps=2)
    whole = LandmarksTraining(faces, folder / "whole", recipe)
    assert whole.train(lambda step, loss: None)
    first = LandmarksTraining(faces, folder / "parts", recipe)
    assert not first.train(lambda step, loss: None, lambda: first.step == 3)
    second = LandmarksTraining(faces, folder / "parts", recipe)
    assert second.step == 3
    assert second.train(lambda step, loss: None)
    views = np.random.default_rng(0).normal(size=(2, VIEW_SIZE, VIEW_SIZE, 1)).astype(np.float32)
    assert np.allclose(whole.outputs(views), second.outputs(views), rtol=1e-3, atol=1e-3)
