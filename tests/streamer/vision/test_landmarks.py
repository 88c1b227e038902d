from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.errors import WeightsError
from streamer.vision.align import misfit
from streamer.vision.boxes import Box
from streamer.vision.detect import HaarDetector, largest
from streamer.vision.landmarks import VIEW_SIZE, LandmarkFinder, network_input


@pytest.fixture(scope="module")
def finder() -> LandmarkFinder:
    return LandmarkFinder()


def face_of(image: NDArray[np.uint8]) -> Box:
    box = largest(HaarDetector().detect(image))
    assert box is not None
    return box


def test_no_box_no_landmarks(finder: LandmarkFinder, collins: NDArray[np.uint8]) -> None:
    assert finder.find(collins, []) == []


def test_a_face_has_eyes_above_nose_above_mouth(
    finder: LandmarkFinder, collins: NDArray[np.uint8], hopper: NDArray[np.uint8]
) -> None:
    for image in (collins, hopper):
        box = face_of(image)
        (found,) = finder.find(image, [box])
        left_eye, right_eye, nose, left_mouth, right_mouth = found.points
        assert left_eye[0] < nose[0] < right_eye[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
        assert found.confidence > 0.8
        assert found.is_face()
        assert misfit(found.points) < 0.25


def test_a_loose_box_moves_the_points_little(
    finder: LandmarkFinder, collins: NDArray[np.uint8]
) -> None:
    x, y, side, _ = face_of(collins)
    moved = [
        Box(x, y, side, side),
        Box(x + 0.07 * side, y - 0.05 * side, side, side),
        Box(x - 0.05 * side, y - 0.05 * side, 1.1 * side, 1.1 * side),
    ]
    found = finder.find(collins, moved)
    eyes = np.linalg.norm(found[0].points[1] - found[0].points[0])
    for one in found[1:]:
        assert np.linalg.norm(one.points - found[0].points, axis=1).mean() < 0.08 * eyes


def test_what_is_no_face_is_not_taken_for_one(finder: LandmarkFinder) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (200, 200, 3), np.uint8)
    flat = np.full((200, 200, 3), 90, np.uint8)
    for picture in (noise, flat):
        (found,) = finder.find(picture, [Box(50, 50, 100, 100)])
        assert not found.is_face()


def test_dark_and_pale_views_are_the_same_input() -> None:
    view = np.random.default_rng(1).integers(0, 200, (1, VIEW_SIZE, VIEW_SIZE, 3)).astype(np.uint8)
    bright, dark = network_input(view), network_input((view * 0.5 + 20).astype(np.uint8))
    assert bright.shape == (1, 1, VIEW_SIZE, VIEW_SIZE)
    assert np.abs(bright - dark).max() < 0.1


def test_a_file_that_is_no_network_is_one_line(folder: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        LandmarkFinder(folder / "none.onnx")
    (folder / "bad.onnx").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="must be a landmarks network"):
        LandmarkFinder(folder / "bad.onnx")
