"""Who a crop shows, or nobody: the best candidate, and how sure it is that this is right.

The probability combines the classifier's margin with the squared distance to the candidate's
own gallery. Below the threshold, the crop is nobody's; the threshold is where the share of
strangers that the user allows would still be taken for somebody: for single crops, and higher for
means of several crops of one face.
"""

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from streamer.constants import EMBEDDING_SIZE
from workers.classifier.by_person import EmbeddingsByPerson
from workers.classifier.counter_examples import EXCLUDED, CounterExamples
from workers.classifier.held_out import HeldOut
from workers.classifier.scorers import Scorer, nobodys_scorer
from workers.classifier.track_limits import TrackLimits


@dataclass(frozen=True)
class Prediction:
    """What one crop's embedding says. `person` indexes the names; None is nobody enrolled.

    `candidate`, `probability` and `squared_distance` are of the best candidate, named or not;
    `lead` is how far its probability is above the threshold, in log-odds.
    """

    person: int | None
    probability: float
    squared_distance: float
    candidate: int | None = None
    lead: float = 0.0


@dataclass(frozen=True)
class Calibration:
    """The sigmoid from (margin, squared distance) to a probability; its three numbers."""

    margin: float
    squared_distance: float
    offset: float

    def probability(
        self, margin: NDArray[np.float32], squared_distance: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return, for each row, how likely the candidate is the right one."""
        x = np.clip(self.log_odds(margin, squared_distance), -50, 50)
        return np.asarray(1.0 / (1.0 + np.exp(-x)), np.float32)

    def log_odds(
        self, margin: NDArray[np.float32], squared_distance: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return, for each row, what the sigmoid is of."""
        x = self.margin * margin + self.squared_distance * squared_distance + self.offset
        return np.asarray(np.where(margin <= EXCLUDED, -50, x), np.float32)


@dataclass(frozen=True, kw_only=True)
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
        """Return what to expect, as a sentence to print."""
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


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """Fitted numbers only: p people, n gallery embeddings.

    gallery (n, 128), labels (n,): embeddings and whose they are. threshold: the least
    probability that gives a name to a crop. limits: what means of crops need above that; None in
    galleries that were made without. counter_examples: faces that are not somebody.
    held_out: what was said of each crop without it; None in galleries that were made without.
    """

    scorer: Scorer
    calibration: Calibration
    gallery: NDArray[np.float32]
    labels: NDArray[np.int32]
    threshold: float
    holdout: HoldoutMetrics
    limits: TrackLimits | None = None
    counter_examples: CounterExamples = field(default_factory=CounterExamples.none)
    held_out: HeldOut | None = None

    @cached_property
    def _by_person(self) -> EmbeddingsByPerson:
        return EmbeddingsByPerson(self.gallery, self.labels)

    def predict(
        self, embeddings: NDArray[np.float32], crops: NDArray[np.float64] | None = None
    ) -> list[Prediction]:
        """Return a prediction for each row of (n, 128) unit vectors.

        `crops` (n,): how many independent crops of one face each row is the mean of; None: one.
        """
        if not len(self.labels):
            return [Prediction(None, 0.0, 4.0) for _ in embeddings]
        best, margin, distance = self.candidates(embeddings)
        probability = self.calibration.probability(margin, distance)
        lead = self.calibration.log_odds(margin, distance) - self.limit
        named = probability >= self.threshold
        if crops is not None and self.limits is not None:
            lead = lead - self.limits.above_single(crops)
            named &= lead >= 0
        return [
            Prediction(person if good else None, chance, apart, person, above)
            for person, chance, apart, good, above in zip(
                best.tolist(),
                probability.tolist(),
                distance.tolist(),
                named.tolist(),
                lead.tolist(),
                strict=True,
            )
        ]

    def candidates(
        self, embeddings: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        """Return the best candidate of each row, its margin and its squared distance."""
        margins = self.counter_examples.exclude(
            embeddings, self.scorer.margins(embeddings), self._by_person
        )
        best = margins.argmax(axis=1)
        distance = self._by_person.nearest_squared(embeddings, best)
        return best, margins[np.arange(len(embeddings)), best], distance

    def scores(
        self, embeddings: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the best candidate of each row, and how likely it is, as log-odds."""
        best, margin, distance = self.candidates(embeddings)
        return best, self.calibration.log_odds(margin, distance)

    @cached_property
    def limit(self) -> float:
        """The threshold in log-odds."""
        chance = min(max(self.threshold, 1e-9), 1 - 1e-9)
        return math.log(chance / (1 - chance))

    def without_person(self, person: int) -> "Classifier":
        """Return the same classifier for everybody else; nothing is fitted anew.

        It keeps no number of the person's own. Calibration, threshold and what is expected
        stay: with one candidate less, strangers are not named more often.
        """
        keep = self.labels != person
        labels = self.labels[keep]
        if not len(labels):
            return nobodys_classifier()
        return replace(
            self,
            scorer=self.scorer.without_person(person, self.gallery, self.labels),
            gallery=self.gallery[keep],
            labels=np.asarray(labels - (labels > person), np.int32),
            counter_examples=self.counter_examples.without_person(person),
            held_out=self.held_out and self.held_out.without_person(person, self.labels),
        )


def nobodys_classifier() -> Classifier:
    """Return the classifier of a gallery in which nobody is enrolled: it names nobody."""
    return Classifier(
        scorer=nobodys_scorer(),
        calibration=Calibration(1.0, 0.0, 0.0),
        gallery=np.empty((0, EMBEDDING_SIZE), np.float32),
        labels=np.empty(0, np.int32),
        threshold=1.0,
        holdout=HoldoutMetrics(),
    )
