"""Embeddings in the order of their people, so that each person's are one slice."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class EmbeddingsByPerson:
    """(n, 128) unit embeddings of people 0 to p-1, sorted once instead of masked for each batch."""

    def __init__(self, embeddings: Array, labels: NDArray[np.int32]) -> None:
        order = np.argsort(labels, kind="stable")
        people = int(labels.max()) + 1 if len(labels) else 0
        self._embeddings = np.take(embeddings, order, axis=0)
        self._bounds = np.searchsorted(labels[order], np.arange(people + 1)).tolist()

    def nearest_squared(self, embeddings: Array, people: NDArray[np.int64]) -> Array:
        """Return the squared distance from each of n rows to the nearest of `people[n]`'s own.

        From 0, the same embedding, to 4, its opposite; 4 for a person without any.
        """
        nearest = np.empty(len(embeddings), np.float32)
        for person in np.unique(people):
            rows = np.flatnonzero(people == person)
            first, end = self._bounds[person : person + 2]
            apart = _squared(embeddings[rows], self._embeddings[first:end])
            nearest[rows] = apart.min(axis=1, initial=4.0)
        return nearest

    def squared_to_each(self, embeddings: Array) -> Iterator[Array]:
        """Yield, person by person, the squared distances from n rows to all of their own (n, k)."""
        apart = _squared(embeddings, self._embeddings)
        for first, end in zip(self._bounds, self._bounds[1:], strict=False):
            yield apart[:, first:end]


def _squared(a: Array, b: Array) -> Array:
    return np.asarray(np.clip(2.0 - 2.0 * a @ b.T, 0.0, 4.0), np.float32)
