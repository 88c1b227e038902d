"""Following a box from frame to frame by what is in it, where no cascade finds a face.

Median flow (Kalal, Mikolajczyk and Matas 2010): points of a grid go with the optical flow there
and back; those that come back to where they began move and scale the box.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.vision.boxes import Box

_GRID = 9
_INNER = 0.7  # of the box's side: its corners show the wall behind
_MOST_ASTRAY_PX = 1.0
_LEAST_GOOD = 0.4
_MOST_SCALE = 1.1


def follow_box(before: NDArray[np.uint8], after: NDArray[np.uint8], box: Box) -> Box | None:
    """Return where a box of one (height, width) grey picture is in the next; None if it is lost."""
    height, width = before.shape
    steps = (np.arange(_GRID) + 0.5) / _GRID * _INNER + (1 - _INNER) / 2
    across, down = np.meshgrid(box.x + steps * box.width, box.y + steps * box.height)
    points = np.column_stack([across.ravel(), down.ravel()])
    inside = (points >= 0).all(axis=1) & (points < (width, height)).all(axis=1)
    if inside.mean() < _LEAST_GOOD:
        return None
    start = points[inside].astype(np.float32)[:, None]
    there, seen, _ = cv2.calcOpticalFlowPyrLK(before, after, start, start.copy())
    back, again, _ = cv2.calcOpticalFlowPyrLK(after, before, there, start.copy())
    astray = np.linalg.norm((back - start)[:, 0], axis=1)
    good = (seen[:, 0] == 1) & (again[:, 0] == 1) & (astray < _MOST_ASTRAY_PX)
    if good.mean() < _LEAST_GOOD:
        return None
    old, new = start[good, 0].astype(np.float64), there[good, 0].astype(np.float64)
    scale = _scale(old, new)
    move = np.median(new - old, axis=0)
    centre = np.array([box.x + box.width / 2, box.y + box.height / 2]) + move
    side_w, side_h = box.width * scale, box.height * scale
    return Box(float(centre[0] - side_w / 2), float(centre[1] - side_h / 2), side_w, side_h)


def _scale(old: NDArray[np.float64], new: NDArray[np.float64]) -> float:
    """Return the median change of the distance between two points."""
    first, second = np.triu_indices(len(old), 1)
    before = np.linalg.norm(old[first] - old[second], axis=1)
    after = np.linalg.norm(new[first] - new[second], axis=1)
    far = before > 0
    if not far.any():
        return 1.0
    return float(np.clip(np.median(after[far] / before[far]), 1 / _MOST_SCALE, _MOST_SCALE))
