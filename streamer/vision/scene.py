"""What changes in a camera's picture: where something moved, and whether the scene was cut.

Both are seen in a small picture of cells, each the mean of about ten by ten pixels of the
reduced one, in which a camera's noise is gone.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.vision.boxes import Box
from streamer.vision.reduced import Reduced

_COLUMNS = 40
_CHANGED = 4.0  # grey levels that a cell's mean must differ by for something to have moved
_CUT_CHANGED = 20.0
_CUT_LIKENESS = 0.8
_CUT_SURPRISE = 2.0  # a cut changes more than so many times what the frames before it changed
_FORGETTING = 0.7
_MARGIN = 3  # cells around what changed, as a face reaches over its own motion
_ASIDE, _ABOVE, _BELOW = 0.3, 0.3, 1.2  # of a followed face's side: hair and shoulders move, too
_WHOLE = 0.6  # of the picture; beyond, one search of all of it costs no more than of the parts

Cells = NDArray[np.float32]


def cells_of(picture: Reduced) -> Cells:
    """Return the means of a reduced picture's cells, (rows, 40) float32."""
    height, width = picture.grey.shape
    rows = max(1, round(_COLUMNS * height / width))
    small = cv2.resize(picture.grey, (_COLUMNS, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


class CutWatch:
    """Says which frames do not go on from the ones before them.

    cut_share: share of the cells that change at once in a cut, 0 to 1; at 1 there is none. On
    clips of films, cuts change 0.34 to 0.9 of them, and pans at most 0.24; a flash or a lamp
    changes all, but the picture stays like itself.
    """

    def __init__(self, cut_share: float) -> None:
        self._cut_share = cut_share
        self._last: Cells | None = None
        self._usual = 0.0

    def is_cut(self, cells: Cells) -> bool:
        """Compare a frame with the last one."""
        last, self._last = self._last, cells
        if self._cut_share >= 1 or last is None or last.shape != cells.shape:
            return False
        share = float((np.abs(cells - last) > _CUT_CHANGED).mean())
        surprise = share > _CUT_SURPRISE * self._usual
        self._usual = max(share, _FORGETTING * self._usual)
        return share >= self._cut_share and surprise and _likeness(cells, last) < _CUT_LIKENESS


class MotionGate:
    """Tells where a search is worth its cost: where something changed since it was searched."""

    def __init__(self) -> None:
        self._searched: Cells | None = None

    def forget(self) -> None:
        """Have the whole picture searched next."""
        self._searched = None

    def regions(self, picture: Reduced, cells: Cells, held: list[Box], whole: bool) -> list[Box]:
        """Return the rectangles to search, in the reduced picture's pixels; note them as searched.

        held: faces that are followed, in the same pixels; what moves in them, and close around
        them, needs no search before everything is searched again.
        whole: search everything, whatever moved.
        """
        searched = self._searched
        if whole or searched is None or searched.shape != cells.shape:
            self._searched = cells
            return [picture.whole]
        changed = np.abs(cells - searched) > _CHANGED
        across, down = picture.whole.width / cells.shape[1], picture.whole.height / cells.shape[0]
        for box in held:
            side = box.height
            top = round((box.y - _ABOVE * side) / down)
            bottom = round((box.y + (1 + _BELOW) * side) / down)
            left = round((box.x - _ASIDE * side) / across)
            right = round((box.x + (1 + _ASIDE) * side) / across)
            changed[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = False
        parts = _rectangles(changed)
        if sum(w * h for _, _, w, h in parts) >= _WHOLE * changed.size:
            self._searched = cells
            return [picture.whole]
        updated = searched.copy()
        for x, y, w, h in parts:
            updated[y : y + h, x : x + w] = cells[y : y + h, x : x + w]
        self._searched = updated
        return [Box(x * across, y * down, w * across, h * down) for x, y, w, h in parts]


def _rectangles(changed: NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """Return x, y, width, height of what changed, in cells, with a margin; they do not overlap."""
    around = np.ones((2 * _MARGIN + 1, 2 * _MARGIN + 1), np.uint8)
    mask = np.asarray(cv2.dilate(changed.astype(np.uint8), around), np.uint8)
    joined = 0
    while True:
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        boxes = [(int(x), int(y), int(w), int(h)) for x, y, w, h, _ in stats[1:]]
        if count == joined:
            return boxes
        joined = count
        for x, y, w, h in boxes:
            mask[y : y + h, x : x + w] = 1


def _likeness(a: Cells, b: Cells) -> float:
    """Return the correlation of two pictures, -1 to 1."""
    a, b = a - a.mean(), b - b.mean()
    spread = float(a.std() * b.std())
    return float((a * b).mean()) / spread if spread > 0 else 1.0
