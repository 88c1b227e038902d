"""One name per track: votes of its crops, weighted by quality, with hysteresis."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from streamer.constants import VOTE_DECAY
from workers.classifier.classifier import Prediction


@dataclass
class Vote:
    """Votes of one track. An identity of None is a vote for "nobody enrolled".

    The track is decided once one side has `min_votes`; it changes sides only when the other
    leads by `switch_margin`. Both are in crops of full quality, so with either above 1 a
    single odd crop neither names nor renames anybody. `squared_distance` is that of the last
    crop to the gallery of the person it resembles most.
    """

    min_votes: float
    switch_margin: float
    decided: bool = False
    identity: str | None = None
    squared_distance: float = 4.0
    _weights: dict[str | None, float] = field(default_factory=lambda: defaultdict(float))
    _probabilities: dict[str | None, float] = field(default_factory=lambda: defaultdict(float))

    def take(self, prediction: Prediction, names: Sequence[str], quality: float) -> None:
        """Count one crop by its prediction: the one step from crops to names, live and in files.

        `names` are those of the gallery that predicted; `quality` is the crop's (`crop_quality`).
        """
        name = None if prediction.person is None else names[prediction.person]
        # For a vote for nobody, the chance that counts is that it is indeed nobody enrolled.
        chance = prediction.probability if name is not None else 1.0 - prediction.probability
        self.squared_distance = prediction.squared_distance
        self.add(name, chance, quality)

    def add(self, identity: str | None, probability: float, quality: float) -> None:
        """Count one crop of a name, with the probability that it is right."""
        for side in self._weights:
            self._weights[side] *= VOTE_DECAY
            self._probabilities[side] *= VOTE_DECAY
        self._weights[identity] += quality
        self._probabilities[identity] += quality * probability
        leader = max(self._weights, key=lambda side: self._weights[side])
        if not self.decided:
            if self._weights[leader] >= self.min_votes:
                self.decided, self.identity = True, leader
        elif self._weights[leader] >= self._weights[self.identity] + self.switch_margin:
            self.identity = leader

    def forget_names(self) -> None:
        """Let the old votes count no more, as the gallery has changed; the name stays so far."""
        self._weights.clear()
        self._probabilities.clear()

    @property
    def probability(self) -> float:
        """The mean probability of the crops on the decided side, weighted as they are."""
        weight = self._weights[self.identity]
        return min(1.0, self._probabilities[self.identity] / weight) if weight > 0 else 0.0

    @property
    def certain(self) -> bool:
        """True while the decided side leads clearly: fewer crops will do."""
        others = [w for side, w in self._weights.items() if side != self.identity]
        lead = self._weights[self.identity] - max(others, default=0.0)
        return self.decided and lead >= self.switch_margin
