"""From an embedding to one number for each person: the classifiers a gallery may hold.

All are plain arrays with a few lines of arithmetic, so that a gallery is read without running
anything that is in it. `workers.classifier.fitting` makes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamer.constants import EMBEDDING_SIZE

Array = NDArray[np.float32]


class Scorer(Protocol):
    """`margins` of (n, 128) embeddings for p people: (n, p), larger is more alike."""

    def margins(self, embeddings: Array) -> Array: ...
    def arrays(self) -> dict[str, NDArray[np.generic]]: ...


@dataclass(frozen=True)
class LinearScorer:
    """weights (p, 128), bias (p,): linear SVM, or LDA and linear SVM multiplied out."""

    weights: Array
    bias: Array

    def margins(self, embeddings: Array) -> Array:
        """A dot product and a bias."""
        return np.asarray(embeddings @ self.weights.T + self.bias, np.float32)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What a gallery stores."""
        return {"weights": self.weights, "bias": self.bias}


@dataclass(frozen=True)
class KernelScorer:
    """support (s, 128), coefficients (p, s), bias (p,): SVM with a Gaussian (RBF) kernel."""

    support: Array
    coefficients: Array
    bias: Array
    gamma: float

    def margins(self, embeddings: Array) -> Array:
        """Kernel values with all support vectors, weighted."""
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
        """What a gallery stores."""
        return {
            "support": self.support,
            "coefficients": self.coefficients,
            "bias": self.bias,
            "gamma": np.array(self.gamma),
        }


@dataclass(frozen=True)
class NearestScorer:
    """known (n, 128), labels (n,): minus the mean squared distance to a person's k nearest."""

    known: Array
    labels: NDArray[np.int32]
    neighbours: int

    def margins(self, embeddings: Array) -> Array:
        """From 0, the same embedding, to -4, its opposite."""
        squared = np.clip(2.0 - 2.0 * embeddings @ self.known.T, 0.0, 4.0)
        people = int(self.labels.max()) + 1
        margins = np.empty((len(embeddings), people), np.float32)
        for person in range(people):
            own = np.sort(squared[:, self.labels == person], axis=1)
            margins[:, person] = -own[:, : self.neighbours].mean(axis=1)
        return margins

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What a gallery stores."""
        return {
            "known": self.known,
            "owner": self.labels,
            "neighbours": np.array(self.neighbours),
        }


def scorer_from(kind: str, arrays: Mapping[str, NDArray[np.generic]], people: int) -> Scorer:
    """A scorer from what a gallery stores. Raises ValueError or KeyError if it does not fit."""
    scorer: Scorer
    if kind in ("svc", "lda_svc"):
        scorer = LinearScorer(_floats(arrays["weights"]), _floats(arrays["bias"]))
    elif kind == "rbf":
        scorer = KernelScorer(
            _floats(arrays["support"]),
            _floats(arrays["coefficients"]),
            _floats(arrays["bias"]),
            float(arrays["gamma"]),
        )
    elif kind == "knn":
        labels = arrays["owner"].astype(np.int32)
        if people and (labels.min() < 0 or set(labels.tolist()) != set(range(people))):
            raise ValueError("the owners of its embeddings")
        scorer = NearestScorer(
            _floats(arrays["known"]),
            labels,
            max(1, int(arrays["neighbours"])),
        )
    else:
        raise ValueError(f"a classifier of kind {kind!r}")
    if people:
        tried = scorer.margins(np.eye(1, EMBEDDING_SIZE, dtype=np.float32))
        if tried.shape != (1, people) or not np.isfinite(tried).all():
            raise ValueError("the shape of its classifier")
    return scorer


def _floats(array: NDArray[np.generic]) -> Array:
    return np.asarray(array, np.float32)
