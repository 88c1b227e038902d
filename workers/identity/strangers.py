"""Ids for people who are not enrolled: `unknown-17`.

Kept in memory only, and beyond the end of a track only if the user asked for it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_REMEMBERED = 500


@dataclass
class _Stranger:
    name: str
    total: NDArray[np.float32]
    seen_s: float


class Strangers:
    """Gives a track without a name its id; the same one to a stranger who comes back in time.

    `numbers` gives a number that was never given before.
    """

    def __init__(
        self,
        remember_s: float,
        max_squared_distance: float,
        numbers: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._numbers = numbers
        self._remember_s = remember_s
        self._max_squared_distance = max_squared_distance
        self._clock = clock
        self._known: list[_Stranger] = []

    def name(self, embedding: NDArray[np.float32]) -> str:
        """Return the id of the stranger nearest to a (128,) unit vector, or a new one."""
        now = self._clock()
        self._known = [s for s in self._known if now - s.seen_s <= self._remember_s]
        nearest = min(self._known, key=lambda s: _apart(s, embedding), default=None)
        if nearest is not None and _apart(nearest, embedding) <= self._max_squared_distance:
            nearest.seen_s = now
            return nearest.name
        name = f"unknown-{self._numbers()}"
        if self._remember_s > 0:
            self._known.append(_Stranger(name, embedding.astype(np.float32), now))
            self._known = self._known[-MAX_REMEMBERED:]
        return name

    def see(self, name: str, embedding: NDArray[np.float32]) -> None:
        """Another crop of a stranger who has an id."""
        for stranger in self._known:
            if stranger.name == name:
                stranger.total = stranger.total + embedding
                stranger.seen_s = self._clock()


def _apart(stranger: _Stranger, embedding: NDArray[np.float32]) -> float:
    mean = stranger.total / np.linalg.norm(stranger.total)
    return float(2.0 - 2.0 * mean @ embedding)
