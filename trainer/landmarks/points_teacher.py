"""The teacher of the landmarks network: dlib's 68 points, and the five that are made of them."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.vision.align import MEAN_SHAPE, similarity_transform
from trainer.teachers.contexts import CONTEXT_SIZE, SQUARE_SIDE
from trainer.teachers.dlib_files import dlib_file, dlib_square

PointsTeacher = Callable[[NDArray[np.uint8]], NDArray[np.float64]]
"""From a context crop (160, 160, 3), RGB, to its landmarks, (5, 2) in pixels of it."""

_LEVEL_PLACES = MEAN_SHAPE * SQUARE_SIDE + CONTEXT_SIZE / 2 - 0.5


def load_points_teacher() -> PointsTeacher:
    """Load dlib's predictor. Raises ConfigError where it is not installed.

    It starts from the Haar square, and again from the square of the face that its first points
    level: it was trained on faces that stand upright.
    """
    path = dlib_file("shape_predictor_68_face_landmarks.dat")
    import dlib  # only where the teacher is installed

    predictor, square = dlib.shape_predictor(str(path)), dlib_square()

    def five(picture: Any) -> NDArray[np.float64]:
        parts = predictor(np.ascontiguousarray(picture), square).parts()
        return five_of(np.array([(part.x, part.y) for part in parts], np.float64))

    def points(context_rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
        matrix = similarity_transform(five(context_rgb), _LEVEL_PLACES)
        size = (CONTEXT_SIZE, CONTEXT_SIZE)
        level = cv2.warpAffine(context_rgb, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        back = cv2.invertAffineTransform(matrix)
        return np.asarray(five(level) @ back[:, :2].T + back[:, 2], np.float64)

    return points


def five_of(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make the eyes' centres, the nose tip and the mouth's corners of the 68 of iBUG 300-W."""
    eyes = [points[36:42].mean(axis=0), points[42:48].mean(axis=0)]
    return np.stack([*eyes, points[30], points[48], points[54]])
