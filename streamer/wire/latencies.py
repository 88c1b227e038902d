"""How long a stage's work took, counted in fixed classes, so that any two reports can be compared.

The classes are those of a Prometheus histogram: few enough to be sent every second.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from streamer.wire.counters import Count

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the classes, in seconds, each inclusive; one more class is for what is longer."""

MAX_CAMERAS = 64
"""As many as a config may have; what further names say is counted without a camera."""


@dataclass(frozen=True)
class LatencyCount:
    """How often a stage took how long, since its process began.

    counts: one for each class, not added up. sum_s: of all of them, in seconds. camera: "" where it
    is of no camera.
    """

    stage: Annotated[str, Field(max_length=64)]
    camera: Annotated[str, Field(max_length=128)]
    counts: Annotated[
        tuple[Count, ...], Field(min_length=len(BOUNDS_S) + 1, max_length=len(BOUNDS_S) + 1)
    ]
    sum_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]

    @property
    def total(self) -> int:
        """How many there were."""
        return sum(self.counts)


class LatencyCounters:
    """Counts of one stage. Not thread-safe: it belongs to the stage's thread."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, seconds: float, camera: str = "") -> None:
        """Count how long it took once."""
        if camera not in self._counts and len(self._counts) >= MAX_CAMERAS:
            camera = ""
        counts = self._counts.setdefault(camera, [0] * (len(BOUNDS_S) + 1))
        counts[bisect_left(BOUNDS_S, seconds)] += 1
        self._sums[camera] = self._sums.get(camera, 0.0) + max(0.0, seconds)

    def snapshot(self) -> tuple[LatencyCount, ...]:
        """Return the counts as they are now, one of each camera."""
        return tuple(
            LatencyCount(self.stage, camera, tuple(counts), self._sums[camera])
            for camera, counts in self._counts.items()
        )


def quantile_s(share: float, counts: Sequence[int]) -> float | None:
    """Estimate below which time a share of all lies, in seconds; None where nothing was counted.

    Linear within a class, as Prometheus's histogram_quantile has it; in the last one, which has no
    upper bound, its lower bound.
    """
    rank, below, lower = share * sum(counts), 0, 0.0
    for upper, count in zip(BOUNDS_S, counts, strict=False):
        if count and below + count >= rank:
            return lower + (upper - lower) * (rank - below) / count
        below, lower = below + count, upper
    return BOUNDS_S[-1] if sum(counts) else None
