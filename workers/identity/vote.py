"""One name per face: votes of its crops, weighted by quality, with hysteresis."""

from collections.abc import Sequence
from dataclasses import dataclass

from streamer.config.sections import IdentifyConfig
from workers.classifier.classifier import Prediction


@dataclass
class _Ballot:
    """What one side has: votes, the same times their probability, and from which crops."""

    first_ms: float
    votes: float = 0.0
    probable: float = 0.0
    crops: int = 0
    last_ms: float = 0.0


class Vote:
    """Votes of one face. An identity of None is a vote for "nobody enrolled".

    The face is decided once one side has `min_votes`. It changes sides only when another has
    `switch_margin` votes since the last crop that spoke for its own. Both are in crops of full
    quality, so with either above 1 a single odd crop neither names nor renames anybody. A name
    takes `confirm_crops` crops besides, the first and the last `confirm_s` apart.
    `squared_distance` and `lead` are the last prediction's.
    """

    def __init__(self, config: IdentifyConfig) -> None:
        self._config = config
        self._ballots: dict[str | None, _Ballot] = {}
        self.decided = False
        self.identity: str | None = None
        self.squared_distance = 4.0
        self.lead = 0.0
        self._before = 0.0  # the probability, from votes that count no more

    def take(
        self, prediction: Prediction, names: Sequence[str], quality: float, media_ms: float
    ) -> None:
        """Count one crop by its prediction: the one step from crops to names, live and in files.

        `names` are those of the gallery that predicted; `quality` is the crop's (`crop_quality`).
        A name that the face has is kept while its lead is no more than `keep_margin` below 0.
        """
        self.squared_distance, self.lead = prediction.squared_distance, prediction.lead
        name = None if prediction.person is None else names[prediction.person]
        if name is None and self.speaks_for(prediction, names, self._config.keep_margin):
            name = self.identity
        # For a vote for nobody, the chance that counts is that it is indeed nobody enrolled.
        chance = prediction.probability if name is not None else 1.0 - prediction.probability
        self.add(name, chance, quality, media_ms)

    def speaks_for(self, prediction: Prediction, names: Sequence[str], margin: float) -> bool:
        """Whether the best candidate has this face's name, with a lead of -margin or more."""
        candidate = prediction.candidate
        return (
            self.identity is not None
            and candidate is not None
            and names[candidate] == self.identity
            and prediction.lead >= -margin
        )

    def add(
        self, identity: str | None, probability: float, quality: float, media_ms: float
    ) -> None:
        """Count one crop for a side, with the probability that it is right."""
        if self.decided and identity == self.identity:
            self._ballots = {side: b for side, b in self._ballots.items() if side == identity}
        for ballot in self._ballots.values():
            ballot.votes *= self._config.vote_decay
            ballot.probable *= self._config.vote_decay
        own = self._ballots.setdefault(identity, _Ballot(media_ms))
        own.votes += quality
        own.probable += quality * probability
        own.crops += 1
        own.last_ms = media_ms
        needed = self._config.switch_margin if self.decided else self._config.min_votes
        if own.votes >= needed and self._confirmed(identity):
            self.decided, self.identity = True, identity

    def forget_votes(self) -> None:
        """Let the old votes count no more; the name stays so far, as probable as it was."""
        self._before = self.probability
        self._ballots.clear()

    def give_up_name(self) -> None:
        """Be nobody enrolled from now on, as somebody else has the name."""
        self._ballots.clear()
        self._before = 0.0
        self.decided, self.identity = True, None

    @property
    def probability(self) -> float:
        """The mean probability of the crops on the decided side, weighted as they are."""
        own = self._ballots.get(self.identity)
        return min(1.0, own.probable / own.votes) if own and own.votes > 0 else self._before

    @property
    def certain(self) -> bool:
        """True while nothing speaks against what is decided: fewer crops will do."""
        own = self._ballots.get(self.identity)
        return (
            self.decided
            and own is not None
            and own.votes >= self._config.switch_margin
            and len(self._ballots) == 1
        )

    def _confirmed(self, side: str | None) -> bool:
        """Whether the crops of a side are enough, and from long enough, for a name."""
        own = self._ballots[side]
        return side is None or (
            own.crops >= self._config.confirm_crops
            and own.last_ms - own.first_ms >= self._config.confirm_s * 1000
        )
