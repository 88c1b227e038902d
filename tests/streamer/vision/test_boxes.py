import numpy as np
import pytest

from streamer.vision.boxes import Box, iou_matrix


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1.0),
        ((0, 0, 10, 10), (5, 0, 10, 10), 1 / 3),
        ((0, 0, 10, 10), (10, 0, 10, 10), 0.0),
        ((0, 0, 10, 10), (50, 50, 10, 10), 0.0),
        ((0, 0, 0, 0), (0, 0, 0, 0), 0.0),
        ((0, 0, 10, 10), (2, 2, 5, 5), 0.25),
    ],
)
def test_iou(a: tuple[int, ...], b: tuple[int, ...], expected: float) -> None:
    matrix = iou_matrix(np.array([a], np.float64), np.array([b], np.float64))
    assert matrix.shape == (1, 1)
    assert matrix[0, 0] == pytest.approx(expected)


def test_iou_of_no_boxes() -> None:
    assert iou_matrix(np.empty((0, 4)), np.ones((3, 4))).shape == (0, 3)


def test_scaled_and_rounded() -> None:
    assert Box(1, 2, 3, 4).scaled(2.5).rounded() == (2, 5, 8, 10)
