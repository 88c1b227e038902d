"""IDF1 and HOTA: how well identities are kept over a clip.

IDF1: Ristani et al. 2016, "Performance Measures and a Data Set for Multi-Target, Multi-Camera
Tracking"; HOTA: Luiten et al. 2020, "HOTA: A Higher Order Metric for Evaluating Multi-Object
Tracking".
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

ALPHAS = np.arange(1, 20) / 20
"""Overlaps that HOTA is averaged over: 0.05 to 0.95."""
_ENOUGH = 0.5
_EPS = 1e-9


@dataclass(frozen=True)
class Frame:
    """What is there and what is said at an instant: ids, and overlaps (IoU) between them."""

    truth: Sequence[Hashable]
    said: Sequence[Hashable]
    overlaps: NDArray[np.float64]


@dataclass(frozen=True)
class IdentityCounts:
    """Counts that add up over clips, and what they come to.

    id_right: boxes under the best one-to-one matching of ids. matched: for each alpha.
    association: sum of the association Jaccard index over matched boxes, for each alpha.
    """

    truth: int = 0
    said: int = 0
    id_right: int = 0
    matched: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(ALPHAS)))
    association: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(ALPHAS)))

    def __add__(self, other: "IdentityCounts") -> "IdentityCounts":
        return IdentityCounts(
            self.truth + other.truth,
            self.said + other.said,
            self.id_right + other.id_right,
            self.matched + other.matched,
            self.association + other.association,
        )

    @property
    def idf1(self) -> float:
        """Twice the boxes with the right id over all boxes, true and said; 1 if there are none."""
        boxes = self.truth + self.said
        return 2 * self.id_right / boxes if boxes else 1.0

    @property
    def hota(self) -> float:
        """Geometric mean of detection and association accuracy, averaged over ALPHAS."""
        if not self.truth + self.said:
            return 1.0
        detection = self.matched / (self.truth + self.said - self.matched)
        association = self.association / np.maximum(1, self.matched)
        return float(np.sqrt(detection * association).mean())


def count_identities(frames: Sequence[Frame]) -> IdentityCounts:
    """Count one clip."""
    truth = {name: i for i, name in enumerate(dict.fromkeys(n for f in frames for n in f.truth))}
    said = {name: i for i, name in enumerate(dict.fromkeys(n for f in frames for n in f.said))}
    times_true, times_said = np.zeros(len(truth)), np.zeros(len(said))
    together, likely = (np.zeros((len(truth), len(said))) for _ in range(2))
    places = []
    for frame in frames:
        rows = np.array([truth[name] for name in frame.truth], int)
        columns = np.array([said[name] for name in frame.said], int)
        places.append((rows, columns))
        np.add.at(times_true, rows, 1)
        np.add.at(times_said, columns, 1)
        cells = np.ix_(rows, columns)
        np.add.at(together, cells, frame.overlaps >= _ENOUGH)
        # HOTA matches ids first by how alone each pair is, over the whole clip.
        shared = frame.overlaps.sum(0) + frame.overlaps.sum(1)[:, None] - frame.overlaps
        np.add.at(likely, cells, frame.overlaps / np.where(shared > 0, shared, 1.0))
    id_rows, id_columns = linear_sum_assignment(together, maximize=True)
    alike = likely / np.maximum(_EPS, times_true[:, None] + times_said - likely)
    matches = np.zeros((len(ALPHAS), len(truth), len(said)))
    for frame, (rows, columns) in zip(frames, places, strict=True):
        worth = alike[np.ix_(rows, columns)] * frame.overlaps
        for row, column in zip(*linear_sum_assignment(worth, maximize=True), strict=True):
            enough = frame.overlaps[row, column] >= ALPHAS - _EPS
            matches[enough, rows[row], columns[column]] += 1
    jaccard = matches / np.maximum(1, times_true[:, None] + times_said - matches)
    return IdentityCounts(
        int(times_true.sum()),
        int(times_said.sum()),
        int(together[id_rows, id_columns].sum()),
        matches.sum(axis=(1, 2)),
        (matches * jaccard).sum(axis=(1, 2)),
    )
