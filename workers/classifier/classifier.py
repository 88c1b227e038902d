"""Who a crop shows, or nobody: the best candidate, and how sure it is that this is right.

The probability combines the classifier's margin with the squared distance to the candidate's
own gallery. Below the threshold, the crop is nobody's; the threshold is where the share of
strangers that the user allows would still be taken for somebody.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.classifier.scorers import Scorer


@dataclass(frozen=True)
class Prediction:
    """What one crop's embedding says. `person` indexes the names; None is nobody enrolled.

    `candidate`, `probability` and `squared_distance` are of the best candidate, named or not.
    """

    person: int | None
    probability: float
    squared_distance: float
    candidate: int | None = None


@dataclass(frozen=True)
class Calibration:
    """The sigmoid from (margin, squared distance) to a probability; its three numbers."""

    margin: float
    squared_distance: float
    offset: float

    def probability(
        self, margin: NDArray[np.float32], squared_distance: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """That the candidate is the right one, for each row."""
        x = self.margin * margin + self.squared_distance * squared_distance + self.offset
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -50, 50))), np.float32)


@dataclass(frozen=True)
class HoldoutMetrics:
    """How often it will be wrong: counts over crops that were held out when it was fitted.

    Of the enrolled people's own crops; of the shipped impostors; and of the enrolled, each left
    out in turn, as strangers to the others.
    """

    crops: int = 0
    named_rightly: int = 0
    named_wrongly: int = 0
    impostors: int = 0
    impostors_named: int = 0
    left_out: int = 0
    left_out_named: int = 0

    def sentence(self) -> str:
        """For people."""
        if not self.crops:
            return "expected: nothing is known yet"
        strangers, named = self.impostors, self.impostors_named
        text = (
            f"expected of single crops: {self.named_rightly / self.crops:.1%} of the enrolled "
            f"named rightly, {self.named_wrongly / self.crops:.1%} by another's name; "
            f"{named / max(1, strangers):.1%} of strangers named"
        )
        if self.left_out:
            text += f" ({self.left_out_named / self.left_out:.1%} of the enrolled when left out)"
        return text


@dataclass(frozen=True)
class Classifier:
    """Fitted numbers only: p people, n gallery embeddings.

    gallery (n, 128), labels (n,): embeddings and whose they are. threshold: the least
    probability that gives a name.
    """

    scorer: Scorer
    calibration: Calibration
    gallery: NDArray[np.float32]
    labels: NDArray[np.int32]
    threshold: float
    holdout: HoldoutMetrics

    def predict(self, embeddings: NDArray[np.float32]) -> list[Prediction]:
        """A verdict for each row of (n, 128) unit vectors."""
        if not len(self.labels):
            return [Prediction(None, 0.0, 4.0) for _ in embeddings]
        best, margin, distance = self.candidates(embeddings)
        probability = self.calibration.probability(margin, distance)
        return [
            Prediction(
                int(person) if chance >= self.threshold else None,
                float(chance),
                float(apart),
                int(person),
            )
            for person, chance, apart in zip(best, probability, distance, strict=True)
        ]

    def candidates(
        self, embeddings: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        """The best candidate of each row, its margin and its squared distance."""
        margins = self.scorer.margins(embeddings)
        best = margins.argmax(axis=1)
        rows = np.arange(len(embeddings))
        distances = squared_distance_to_people(embeddings, self.gallery, self.labels)
        return best, margins[rows, best], distances[rows, best]


def squared_distance_to_people(
    embeddings: NDArray[np.float32], gallery: NDArray[np.float32], labels: NDArray[np.int32]
) -> NDArray[np.float32]:
    """From each of n rows to the nearest gallery embedding of each of p people: (n, p)."""
    squared = np.clip(2.0 - 2.0 * embeddings @ gallery.T, 0.0, 4.0)
    people = int(labels.max()) + 1
    nearest = np.full((len(embeddings), people), 4.0, np.float32)
    for person in range(people):
        nearest[:, person] = squared[:, labels == person].min(axis=1, initial=4.0)
    return nearest
