"""One unit vector for a face over time: the mean of its looks, weighted by quality.

A look is crops that are nearly the same: a hundred frames of one picture tell no more than a few.
So looks are averaged, and not crops, and a face's state has a limit, however long it stays.
"""

import numpy as np
from numpy.typing import NDArray

from streamer.constants import EMBEDDING_SIZE

MAX_LOOKS = 6
_SAME_LOOK = 0.25
_NEWEST = 0.2
Vector = NDArray[np.float32]


class Template:
    """Up to `MAX_LOOKS` looks of one face.

    Parameters
    ----------
    memory: crops after which a look that is not seen any more counts a third (1 / e).
    spread: mean squared distance of two independent crops of one person; crops that are nearer
    than a quarter of it are one look, a mean in which each newer crop counts a fifth.
    """

    def __init__(self, memory: float, spread: float) -> None:
        self._keep = 1.0 - 1.0 / memory
        self._spread = spread
        self._looks = np.zeros((MAX_LOOKS, EMBEDDING_SIZE), np.float32)
        self._weights = np.zeros(MAX_LOOKS, np.float32)  # 0: none is there
        self.crops = 0

    def add(self, embedding: Vector, quality: float) -> None:
        """Count one crop's embedding, a (128,) unit vector; `quality` is its weight, above 0."""
        self.crops += 1
        self._weights *= self._keep
        there = self._weights > 0
        apart = np.where(there, 2.0 - 2.0 * self._unit_looks() @ embedding, np.inf)
        nearest = int(apart.argmin())
        if apart[nearest] < _SAME_LOOK * self._spread:
            self._looks[nearest] += _NEWEST * (embedding - self._looks[nearest])
            self._weights[nearest] = max(quality, float(self._weights[nearest]))
        else:
            place = int(self._weights.argmin())  # a free one, or the look that counts least
            self._looks[place], self._weights[place] = embedding, quality

    def join(self, earlier: "Template") -> None:
        """Count the looks of the same face's earlier template, too."""
        for look, weight in zip(earlier._looks, earlier._weights, strict=True):
            place = int(self._weights.argmin())
            if weight > self._weights[place]:
                self._looks[place], self._weights[place] = look, weight
        self.crops += earlier.crops

    @property
    def vector(self) -> Vector:
        """The (128,) unit vector; there must have been a crop."""
        total = self._weights @ self._looks
        return np.asarray(total / max(float(np.linalg.norm(total)), 1e-9), np.float32)

    @property
    def apart(self) -> float:
        """The mean squared distance of two of its looks, as far as they count; 0 for one."""
        pairs = float(self._weights.sum() ** 2 - self._weights @ self._weights)
        if pairs < 1e-6:
            return 0.0
        units = self._unit_looks()
        total = self._weights @ units
        similar = float(total @ total - self._weights @ self._weights) / pairs
        return min(4.0, max(0.0, 2.0 - 2.0 * similar))

    @property
    def independent(self) -> float:
        """How many independent crops its mean is worth: 1 to how many looks count.

        Looks of one moment are nearer to each other than `spread`: what they share does not
        average out. With a share r, the variance of the mean of n is r + (1 - r) / n of one's.
        """
        squared = float(self._weights @ self._weights)
        counted = float(self._weights.sum()) ** 2 / max(squared, 1e-9)
        if counted <= 1.0:
            return 1.0
        shared = min(1.0, max(0.0, 1.0 - self.apart / self._spread))
        return 1.0 / (shared + (1.0 - shared) / counted)

    def squared_distance(self, embedding: Vector) -> float:
        """Return how far a (128,) unit vector is from the mean: 0 to 4."""
        return min(4.0, max(0.0, 2.0 - 2.0 * float(self.vector @ embedding)))

    def _unit_looks(self) -> NDArray[np.float32]:
        """Return its looks, (MAX_LOOKS, 128), as unit vectors; zeros where none is."""
        lengths = np.linalg.norm(self._looks, axis=1, keepdims=True)
        return np.asarray(self._looks / np.maximum(lengths, 1e-9), np.float32)
