"""The grey, reduced picture in which faces are searched for: made once for each frame."""

from typing import NamedTuple

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from streamer.vision.boxes import Box


class Reduced(NamedTuple):
    """grey (height, width) uint8; `factor` is its size over that of the picture, at most 1."""

    grey: NDArray[np.uint8]
    factor: float

    @property
    def whole(self) -> Box:
        """All of it, in its own pixels."""
        height, width = self.grey.shape
        return Box(0.0, 0.0, float(width), float(height))


def reduce_picture(image_bgr: NDArray[np.uint8], width: int) -> Reduced:
    """Reduce a (height, width, 3) uint8 BGR picture to a width in pixels; 0 leaves its size."""
    rows, columns = image_bgr.shape[:2]
    factor = min(1.0, width / columns) if width else 1.0
    reduced: MatLike = image_bgr
    if factor < 1.0:
        size = (round(columns * factor), max(1, round(rows * factor)))
        reduced = cv2.resize(image_bgr, size, interpolation=cv2.INTER_LINEAR)
    return Reduced(np.asarray(cv2.cvtColor(reduced, cv2.COLOR_BGR2GRAY), np.uint8), factor)
