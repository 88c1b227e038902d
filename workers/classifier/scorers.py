"""From an embedding to one number for each person: the classifiers a gallery may hold.

All are plain arrays with a few lines of arithmetic, so that a gallery is read without running
anything that is in it. `workers.classifier.fitting` makes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamer.constants import EMBEDDING_SIZE
from workers.classifier.by_person import EmbeddingsByPerson

Array = NDArray[np.float32]
Integers = NDArray[np.int32]
NOBODY = -1
"""The label of a stranger's embedding."""


class Scorer(Protocol):
    """Numbers that say how alike an embedding is to each of p people."""

    def margins(self, embeddings: Array) -> Array:
        """Return (n, p) for (n, 128) embeddings; larger is more alike."""

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what a gallery stores."""

    def without_person(self, person: int, gallery: Array, labels: Integers) -> "Scorer":
        """Return a scorer of the others, without any number of the person's own.

        gallery (n, 128), labels (n,): the embeddings it was fitted to; not all people are this one.
        """


@dataclass(frozen=True)
class LinearScorer:
    """weights (p, 128), bias (p,): linear SVM, or LDA and linear SVM multiplied out."""

    weights: Array
    bias: Array

    def margins(self, embeddings: Array) -> Array:
        """Return a dot product and a bias for each person."""
        return np.asarray(embeddings @ self.weights.T + self.bias, np.float32)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what a gallery stores."""
        return {"weights": self.weights, "bias": self.bias}

    def without_person(self, person: int, gallery: Array, labels: Integers) -> "LinearScorer":
        """Leave out the person's row."""
        return LinearScorer(np.delete(self.weights, person, 0), np.delete(self.bias, person))


@dataclass(frozen=True)
class KernelScorer:
    """SVM with a Gaussian (RBF) kernel.

    support (s, 128), coefficients (p, s), bias (p,). labels (s,): whose each support vector is;
    None in galleries that were written before it was stored.
    """

    support: Array
    coefficients: Array
    bias: Array
    gamma: float
    labels: Integers | None = None

    def margins(self, embeddings: Array) -> Array:
        """Return the weighted kernel values with all support vectors."""
        apart = np.clip(
            (embeddings**2).sum(axis=1)[:, None]
            + (self.support**2).sum(axis=1)
            - 2 * embeddings @ self.support.T,
            0,
            None,
        )
        kernel = np.exp(-self.gamma * apart)
        return np.asarray(kernel @ self.coefficients.T + self.bias, np.float32)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what a gallery stores."""
        stored: dict[str, NDArray[np.generic]] = {
            "support": self.support,
            "coefficients": self.coefficients,
            "bias": self.bias,
            "gamma": np.array(self.gamma),
        }
        return stored if self.labels is None else stored | {"owner": self.labels}

    def without_person(self, person: int, gallery: Array, labels: Integers) -> "KernelScorer":
        """Leave out the person's machine and support vectors."""
        owners = self._owners(gallery, labels) if self.labels is None else self.labels
        keep = owners != person
        left = owners[keep]
        return KernelScorer(
            self.support[keep],
            np.delete(self.coefficients, person, 0)[:, keep],
            np.delete(self.bias, person),
            self.gamma,
            np.asarray(left - (left > person), np.int32),
        )

    def _owners(self, gallery: Array, labels: Integers) -> Integers:
        """Whose support vectors seem to be: where one's own machine does not tell, the nearest's.

        So a stranger near to a person may be taken for the person's, but never the reverse.
        """
        nearest = labels[(self.support @ gallery.T).argmax(axis=1)]
        own = self.coefficients > 0
        owners = np.where(own.any(axis=0), own.argmax(axis=0), nearest)
        return np.asarray(owners, np.int32)


@dataclass(frozen=True)
class NearestScorer:
    """known (n, 128), labels (n,): minus the mean squared distance to a person's k nearest."""

    known: Array
    labels: Integers
    neighbours: int

    @cached_property
    def _by_person(self) -> EmbeddingsByPerson:
        return EmbeddingsByPerson(self.known, self.labels)

    def margins(self, embeddings: Array) -> Array:
        """Return from 0, the same embedding, to -4, its opposite."""
        columns = []
        for apart in self._by_person.squared_to_each(embeddings):
            if apart.shape[1] > self.neighbours:
                nearest = np.partition(apart, self.neighbours - 1, axis=1)
                columns.append(nearest[:, : self.neighbours].mean(axis=1))
            else:
                columns.append(apart.mean(axis=1))
        return np.asarray(-np.stack(columns, axis=1), np.float32)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what a gallery stores."""
        return {
            "known": self.known,
            "owner": self.labels,
            "neighbours": np.array(self.neighbours),
        }

    def without_person(self, person: int, gallery: Array, labels: Integers) -> "NearestScorer":
        """Leave out the person's embeddings."""
        keep = self.labels != person
        left = self.labels[keep]
        return NearestScorer(
            self.known[keep], np.asarray(left - (left > person), np.int32), self.neighbours
        )


def nobodys_scorer() -> Scorer:
    """Return the scorer of no people."""
    return LinearScorer(np.empty((0, EMBEDDING_SIZE), np.float32), np.empty(0, np.float32))


def scorer_from(kind: str, arrays: Mapping[str, NDArray[np.generic]], people: int) -> Scorer:
    """Return a scorer of what a gallery stores.

    Raises ValueError or KeyError if it does not fit.
    """
    if not people:
        return nobodys_scorer()
    scorer: Scorer
    if kind in ("svc", "lda_svc"):
        scorer = LinearScorer(_floats(arrays["weights"]), _floats(arrays["bias"]))
    elif kind == "rbf":
        scorer = _kernel_scorer(arrays)
    elif kind == "knn":
        labels = arrays["owner"].astype(np.int32)
        known = np.unique(labels)
        if not np.array_equal(known, np.arange(people)):
            raise ValueError("the owners of its embeddings")
        scorer = NearestScorer(
            _floats(arrays["known"]),
            labels,
            max(1, int(arrays["neighbours"])),
        )
    else:
        raise ValueError(f"a classifier of kind {kind!r}")
    tried = scorer.margins(np.eye(1, EMBEDDING_SIZE, dtype=np.float32))
    if tried.shape != (1, people) or not np.isfinite(tried).all():
        raise ValueError("the shape of its classifier")
    return scorer


def _kernel_scorer(arrays: Mapping[str, NDArray[np.generic]]) -> KernelScorer:
    support = _floats(arrays["support"])
    owners = arrays["owner"].astype(np.int32) if "owner" in arrays else None
    if owners is not None and owners.shape != support.shape[:1]:
        raise ValueError("the owners of its support vectors")
    return KernelScorer(
        support,
        _floats(arrays["coefficients"]),
        _floats(arrays["bias"]),
        float(arrays["gamma"]),
        owners,
    )


def _floats(array: NDArray[np.generic]) -> Array:
    return np.asarray(array, np.float32)
