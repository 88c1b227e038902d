"""Pure functions over boxes. `xywh`: left, top, width, height, in pixels of the frame."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Box(NamedTuple):
    """A rectangle in frame pixels: left, top, width, height."""

    x: float
    y: float
    width: float
    height: float

    def scaled(self, factor: float) -> "Box":
        """Return the same box in a picture that is `factor` times as large."""
        return Box(self.x * factor, self.y * factor, self.width * factor, self.height * factor)

    def rounded(self) -> tuple[int, int, int, int]:
        """Whole pixels, for drawing and for the wire."""
        return round(self.x), round(self.y), round(self.width), round(self.height)


def iou_matrix(a_xywh: NDArray[np.float64], b_xywh: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of each box in `a` (n, 4) with each in `b` (m, 4): (n, m)."""
    a_xywh, b_xywh = a_xywh.reshape(-1, 1, 4), b_xywh.reshape(1, -1, 4)
    low = np.maximum(a_xywh[..., :2], b_xywh[..., :2])
    high = np.minimum(a_xywh[..., :2] + a_xywh[..., 2:], b_xywh[..., :2] + b_xywh[..., 2:])
    overlap = np.clip(high - low, 0, None).prod(axis=-1)
    union = a_xywh[..., 2:].prod(axis=-1) + b_xywh[..., 2:].prod(axis=-1) - overlap
    return np.asarray(overlap / np.where(union > 0, union, 1.0), np.float64)
