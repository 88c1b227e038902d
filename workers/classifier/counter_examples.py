"""Faces that users have said are not a person: whoever is nearer to one than to the person is not.

They are the impostors of that person alone: a face that is not Ann may well be Bob.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.constants import EMBEDDING_SIZE
from workers.classifier.by_person import EmbeddingsByPerson

EXCLUDED = -1000.0
"""The margin of a person whom a face is not: no classifier gives one so low."""
Array = NDArray[np.float32]


@dataclass(frozen=True)
class CounterExamples:
    """embeddings (m, 128) of unit length; labels (m,): the person whom each is not."""

    embeddings: Array
    labels: NDArray[np.int32]

    @staticmethod
    def none() -> "CounterExamples":
        """Return those of a gallery in which nobody was ever mistaken."""
        return CounterExamples(np.empty((0, EMBEDDING_SIZE), np.float32), np.empty(0, np.int32))

    def without_person(self, person: int) -> "CounterExamples":
        """Return those of the others, whose numbers close up."""
        keep = self.labels != person
        labels = self.labels[keep]
        return CounterExamples(
            self.embeddings[keep], np.asarray(labels - (labels > person), np.int32)
        )

    def exclude(self, embeddings: Array, margins: Array, own: EmbeddingsByPerson) -> Array:
        """Return (n, p) margins of (n, 128) rows, EXCLUDED where a row is not that person.

        That is where it is nearer to a counter-example of the person than to all of `own`.
        """
        if not len(self.labels):
            return margins
        margins = margins.copy()
        for person in np.unique(self.labels):
            others = self.embeddings[self.labels == person]
            to_others = np.clip(2.0 - 2.0 * embeddings @ others.T, 0.0, 4.0).min(axis=1)
            whose = np.full(len(embeddings), person, np.int64)
            margins[to_others < own.nearest_squared(embeddings, whose), person] = EXCLUDED
        return margins
