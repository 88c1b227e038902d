"""A linear SVM that may answer "nobody": one-vs-rest over the enrolled, against impostors.

Two tests must both pass before a crop is named: the SVM's calibrated probability, and the
squared distance to the named person's own gallery, whose limit is the one at which the wanted
share of impostors would still be taken for somebody.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.svm import LinearSVC

from workers.impostors import Impostors

MIN_PROBABILITY = 0.5
_ENOUGH_CROPS = 8
_FOLDS = 4
_NOBODY = -1


@dataclass(frozen=True)
class Verdict:
    """What one crop's embedding says. `person` indexes the names; None is nobody enrolled.

    `probability` and `squared_distance` are of the nearest candidate, named or not.
    """

    person: int | None
    probability: float
    squared_distance: float


@dataclass(frozen=True)
class Classifier:
    """Fitted numbers only: p people, n gallery embeddings.

    weights (p, 128), bias (p,): the SVM's. slope, offset: of the probability's sigmoid.
    gallery (n, 128), owner (n,): embeddings and whose they are.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    slope: float
    offset: float
    gallery: NDArray[np.float32]
    owner: NDArray[np.int32]
    max_squared_distance: float

    def judge(self, embeddings: NDArray[np.float32]) -> list[Verdict]:
        """A verdict for each row of (n, 128) unit vectors."""
        if not len(self.weights):
            return [Verdict(None, 0.0, 4.0) for _ in embeddings]
        margins = embeddings @ self.weights.T + self.bias
        best = margins.argmax(axis=1)
        rows = np.arange(len(embeddings))
        probability = _sigmoid(self.slope * margins[rows, best] + self.offset)
        distances = squared_distance_to_people(embeddings, self.gallery, self.owner)
        distance = distances[rows, best]
        named = (probability >= MIN_PROBABILITY) & (distance <= self.max_squared_distance)
        return [
            Verdict(int(person) if good else None, float(chance), float(apart))
            for person, chance, apart, good in zip(best, probability, distance, named, strict=True)
        ]


def squared_distance_to_people(
    embeddings: NDArray[np.float32], gallery: NDArray[np.float32], owner: NDArray[np.int32]
) -> NDArray[np.float32]:
    """From each of n rows to the nearest gallery embedding of each of p people: (n, p)."""
    squared = np.clip(2.0 - 2.0 * embeddings @ gallery.T, 0.0, 4.0)
    people = int(owner.max()) + 1
    nearest = np.full((len(embeddings), people), 4.0, np.float32)
    for person in range(people):
        nearest[:, person] = squared[:, owner == person].min(axis=1)
    return nearest


def fit_classifier(
    gallery: NDArray[np.float32],
    owner: NDArray[np.int32],
    impostors: Impostors,
    false_accept_rate: float,
    regularisation: float = 1.0,
) -> Classifier:
    """Fit to (n, 128) embeddings of people 0 to p-1; one person with one crop is enough.

    People with few crops are given likely variants of those they have, so that the SVM does not
    take their one picture for all they ever look like.
    """
    if not len(gallery):
        return Classifier(
            np.empty((0, 128), np.float32), np.empty(0, np.float32), 1.0, 0.0, gallery, owner, 0.0
        )
    rng = np.random.default_rng(0)
    people = int(owner.max()) + 1
    samples, labels = [gallery], [owner]
    for person in range(people):
        own = gallery[owner == person]
        lacking = max(0, _ENOUGH_CROPS - len(own))
        if lacking:
            each = -(-lacking // len(own))
            varied = impostors.variants(own, each, rng)[:lacking]
            samples.append(varied)
            labels.append(np.full(len(varied), person, np.int32))
    samples.append(impostors.embeddings)
    labels.append(np.full(len(impostors.embeddings), _NOBODY, np.int32))
    # Embeddings crowd around a common mean; the SVM sees them centred and of unit spread.
    mean = impostors.embeddings.mean(axis=0)
    spread = float(np.linalg.norm(impostors.embeddings - mean, axis=1).mean())
    x, y = (np.concatenate(samples) - mean) / spread, np.concatenate(labels)
    machine = LinearSVC(C=regularisation, class_weight="balanced", random_state=0)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    held_out = _people_margins(
        cross_val_predict(machine, x, y, cv=folds, method="decision_function"), people
    )
    slope, offset = _calibrate(held_out, y)
    machine.fit(x, y)
    weights = (machine.coef_[1:] if people > 1 else machine.coef_) / spread
    bias = (machine.intercept_[1:] if people > 1 else machine.intercept_) - weights @ mean
    nearest = squared_distance_to_people(impostors.embeddings, gallery, owner).min(axis=1)
    return Classifier(
        np.asarray(weights, np.float32),
        np.asarray(bias, np.float32),
        slope,
        offset,
        gallery,
        owner,
        float(np.quantile(nearest, false_accept_rate)),
    )


def _people_margins(decision: NDArray[np.float64], people: int) -> NDArray[np.float64]:
    """Columns for the people only: with two classes the SVM has one column, the second's."""
    return decision.reshape(-1, 1) if people == 1 else decision[:, 1:]


def _calibrate(margins: NDArray[np.float64], truth: NDArray[np.int32]) -> tuple[float, float]:
    """Platt's sigmoid over held-out margins of the best candidate (Platt 1999)."""
    best = margins.argmax(axis=1)
    right = best == truth
    if right.all() or not right.any():
        return 4.0, 0.0
    model = LogisticRegression(C=100.0, class_weight="balanced")
    model.fit(margins.max(axis=1).reshape(-1, 1), right)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def _sigmoid(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -50, 50))), np.float32)
