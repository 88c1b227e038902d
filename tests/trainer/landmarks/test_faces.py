from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.vision.align import MEAN_SHAPE
from trainer.landmarks.faces import build_landmark_faces
from trainer.landmarks.points_teacher import PointsTeacher, five_of
from trainer.teachers.contexts import CONTEXT_SIZE, SQUARE_SIDE

POINTS = MEAN_SHAPE * SQUARE_SIDE + CONTEXT_SIZE / 2 - 0.5


def test_photos_are_cut_once_and_what_is_no_faces_shape_is_left_out(
    portraits: dict[str, Path], folder: Path
) -> None:
    loaded: list[int] = []

    def load() -> PointsTeacher:
        def points(context_rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
            loaded.append(1)
            return POINTS if len(loaded) == 1 else POINTS[[4, 2, 0, 1, 3]]

        return points

    photos = sorted(portraits.values())
    made = build_landmark_faces(photos, folder, load, lambda done, total: None)
    assert len(loaded) == 2
    assert made.contexts.shape == (1, CONTEXT_SIZE, CONTEXT_SIZE, 3)
    assert np.allclose(made.points, POINTS[None], atol=1e-4)
    assert len(made.faceless) >= 1
    again = build_landmark_faces(photos, folder, load, lambda done, total: None)
    assert len(loaded) == 2
    assert (again.faceless == made.faceless).all()


def test_five_points_of_68() -> None:
    points = np.zeros((68, 2))
    points[36:42] = (10, 20)
    points[42:48] = (30, 20)
    points[[30, 48, 54]] = [(20, 30), (12, 40), (28, 40)]
    assert five_of(points).tolist() == [[10, 20], [30, 20], [20, 30], [12, 40], [28, 40]]
