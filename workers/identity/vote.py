"""One name per track: votes of its crops, weighted by quality, with hysteresis."""

from collections import defaultdict
from dataclasses import dataclass, field

DECAY = 0.85
"""Each crop leaves this share of the votes before it; the sum of full votes tends to 6.7."""


@dataclass
class Vote:
    """Votes of one track. An identity of None is a vote for "nobody enrolled".

    The track is decided once one side has `min_votes`; it changes sides only when the other
    leads by `switch_margin`. Both are in crops of full quality, so with either above 1 a
    single odd crop neither names nor renames anybody.
    """

    min_votes: float
    switch_margin: float
    decided: bool = False
    identity: str | None = None
    _weights: dict[str | None, float] = field(default_factory=lambda: defaultdict(float))
    _probabilities: dict[str | None, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, identity: str | None, probability: float, quality: float) -> None:
        """Count one crop."""
        for side in self._weights:
            self._weights[side] *= DECAY
            self._probabilities[side] *= DECAY
        self._weights[identity] += quality
        self._probabilities[identity] += quality * probability
        leader = max(self._weights, key=lambda side: self._weights[side])
        if not self.decided:
            if self._weights[leader] >= self.min_votes:
                self.decided, self.identity = True, leader
        elif self._weights[leader] >= self._weights[self.identity] + self.switch_margin:
            self.identity = leader

    def forget_names(self) -> None:
        """Another gallery: old votes count no more, the name stays so far."""
        self._weights.clear()
        self._probabilities.clear()

    @property
    def probability(self) -> float:
        """Mean probability of the crops on the decided side, weighted as they are."""
        weight = self._weights[self.identity]
        return min(1.0, self._probabilities[self.identity] / weight) if weight > 0 else 0.0

    @property
    def certain(self) -> bool:
        """True while the decided side leads clearly: fewer crops will do."""
        others = [w for side, w in self._weights.items() if side != self.identity]
        lead = self._weights[self.identity] - max(others, default=0.0)
        return self.decided and lead >= self.switch_margin
