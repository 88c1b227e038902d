from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.vision.boxes import Box
from trainer.clips.cast import Photo
from trainer.clips.figure import Figure, Look, covers, draw_figure, face_points
from trainer.clips.motion import FacePose
from trainer.clips.scene import inside_polygon

BOX = Box(60.0, 50.0, 80.0, 80.0)


@pytest.fixture
def figure() -> Figure:
    return Figure.of(Photo(Path("white.png"), np.full((200, 200, 3), 255, np.uint8), BOX))


@pytest.mark.parametrize("degrees", [0.0, 30.0, -90.0])
def test_a_photo_is_placed_with_its_face_where_the_pose_says(degrees: float) -> None:
    transform = FacePose(300.0, 200.0, 120.0, degrees).place(BOX)
    centre = transform @ np.array([BOX.x + 40, BOX.y + 40, 1.0])
    np.testing.assert_allclose(centre, [300, 200])
    corner = transform @ np.array([BOX.x, BOX.y, 1.0])
    assert np.hypot(*(corner - centre)) == pytest.approx(60 * np.sqrt(2))


def test_a_figure_hides_what_is_behind_its_face_and_nothing_beside_it(figure: Figure) -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    pose = FacePose(320.0, 200.0, 100.0, 5.0)
    draw_figure(picture, figure, pose, Look(1.0, 0.0, 0.0))
    assert covers(figure, pose, face_points(pose)).all()
    assert picture[200, 320].min() == 255
    away = np.array([[320 - 130.0, 200.0], [320.0, 20.0], [0.0, 0.0]])
    assert not covers(figure, pose, away).any()
    assert all(picture[int(y), int(x)].max() == 0 for x, y in away)


def test_a_figure_outside_the_picture_changes_nothing(figure: Figure) -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    draw_figure(picture, figure, FacePose(-400.0, 200.0, 100.0, 0.0), Look(1.0, 0.0, 0.0))
    assert not picture.any()


def test_points_in_a_polygon() -> None:
    square: NDArray[np.float64] = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], np.float64)
    points = np.array([[5, 5], [0, 0], [11, 5], [-1, 5]], np.float64)
    for corners in (square, square[::-1]):
        assert inside_polygon(corners, points).tolist() == [True, True, False, False]
