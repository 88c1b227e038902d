"""Which said face is which true one, at each frame of a clip."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from streamer.vision.boxes import Box, iou_matrix
from trainer.truth.file import Truth
from trainer.truth.said import SaidTrack

MOST_APART = 0.6
"""Centres further apart than this, in sides of the larger square, are of two faces."""
MOST_SCALE = 2.5
"""Sides may differ by this factor: two detectors do not draw the same square."""

_SAME_AS_BEFORE = 0.5


class Instant(NamedTuple):
    """A frame. `truth`, `said`: indices of the tracks that are there; `overlaps`: their IoU.

    pairs: (index of the truth track, index of the said track) of those that are one face.
    """

    at_ms: float
    truth: list[int]
    said: list[int]
    overlaps: NDArray[np.float64]
    pairs: dict[int, int]


def instants(truth: Truth, said: Sequence[SaidTrack]) -> Iterator[Instant]:
    """Yield every frame of the clip with who is who, best assignment (Hungarian method).

    A pair of the frame before stays one where it still can be, so that faces that cross are not
    taken for each other.
    """
    period_ms = 1000 / truth.fps
    before: dict[int, int] = {}
    for number in range(max(1, round(truth.duration_ms / period_ms))):
        at_ms = number * period_ms
        there = [(i, box) for i, t in enumerate(truth.tracks) if (box := t.box_at(at_ms))]
        heard = [
            (j, box)
            for j, s in enumerate(said)
            if s.claim_at(at_ms) is not None and (box := s.box_at(at_ms))
        ]
        rows, columns = [i for i, _ in there], [j for j, _ in heard]
        true, claimed = _array([box for _, box in there]), _array([box for _, box in heard])
        overlaps = iou_matrix(true, claimed)
        before = _pairs(rows, columns, overlaps, nearness(true, claimed), before)
        yield Instant(at_ms, rows, columns, overlaps, before)


def nearness(a_xywh: NDArray[np.float64], b_xywh: NDArray[np.float64]) -> NDArray[np.float64]:
    """Say how near squares (n, 4) are to others (m, 4): (n, m), 1: one centre, 0: no match."""
    a, b = a_xywh.reshape(-1, 1, 4), b_xywh.reshape(1, -1, 4)
    side_a, side_b = a[..., 2:].mean(axis=-1), b[..., 2:].mean(axis=-1)
    centres = (a[..., :2] + a[..., 2:] / 2) - (b[..., :2] + b[..., 2:] / 2)
    apart = np.linalg.norm(centres, axis=-1) / np.maximum(side_a, side_b)
    scale = np.maximum(side_a, side_b) / np.minimum(side_a, side_b)
    near = 1 - apart / MOST_APART
    return np.asarray(np.where((near > 0) & (scale <= MOST_SCALE), near, 0.0), np.float64)


def _pairs(
    rows: list[int],
    columns: list[int],
    overlaps: NDArray[np.float64],
    near: NDArray[np.float64],
    before: dict[int, int],
) -> dict[int, int]:
    if not rows or not columns:
        return {}
    same = np.array([[before.get(i) == j for j in columns] for i in rows])
    worth = np.where(near > 0, near + overlaps + _SAME_AS_BEFORE * same, 0.0)
    return {
        rows[row]: columns[column]
        for row, column in zip(*linear_sum_assignment(worth, maximize=True), strict=True)
        if worth[row, column] > 0
    }


def _array(boxes: list[Box]) -> NDArray[np.float64]:
    return np.array(boxes, np.float64).reshape(-1, 4)
