"""One face over time: what it looks like, whose it is, and when it has become another's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from streamer.config.sections import IdentifyConfig
from workers.classifier.classifier import Prediction
from workers.classifier.impostors import Impostors
from workers.identity.template import Template, Vector
from workers.identity.vote import Vote

_NEARER_UNLIKE = 0.003
_NEARER_OTHER = 0.05
_NEARER_SAME = 0.001
_STILL = 3.0
"""A name outlasts crops unlike the others whose lead for it is no more than this below 0."""
Judge = Callable[[Template], Prediction]


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Squared distances, 0 to 4, from pairs of crops of different people.

    Nearer than `same`: surely one person (0.1 % of the pairs are); farther than `unlike`: seldom
    (0.3 % are nearer); farther than `other`: surely not (5 %). spread: the mean between independent
    crops of one person.
    """

    same: float
    unlike: float
    other: float
    spread: float

    @classmethod
    def of(cls, impostors: Impostors) -> "Likeness":
        """Find them for the embeddings that these impostors belong to."""
        return cls(
            same=impostors.same_person_limit(_NEARER_SAME),
            unlike=impostors.same_person_limit(_NEARER_UNLIKE),
            other=impostors.same_person_limit(_NEARER_OTHER),
            spread=impostors.spread,
        )


@dataclass(frozen=True)
class Look:
    """What became of a crop: "counted", "odd" if put aside, "other" if it is another's face now.

    quality: the votes to count with it, those of crops that were put aside before among them.
    """

    kind: Literal["counted", "odd", "other"]
    quality: float


class Face:
    """The template and the vote of one face, and the crops that did not look like it.

    A crop that is unlike the template is put aside. If the next ones are, too, and look like each
    other, and have `switch_margin` votes, they are judged by themselves: either they may well be
    of the same person, or it is another face now, which begins anew with them.
    """

    def __init__(self, config: IdentifyConfig, likeness: Likeness) -> None:
        self._config = config
        self._likeness = likeness
        self.template = self._new_template()
        self.vote = Vote(config)
        self._odd: Template | None = None
        self._odd_quality = 0.0

    def look(self, embedding: Vector, quality: float, judge: Judge, names: Sequence[str]) -> Look:
        """Take one crop's embedding.

        `judge` is asked only about crops that were put aside; `names` are of its people. After
        "other", the template and the vote are new, without a decision.
        """
        apart = self.template.squared_distance(embedding) if self.template.crops else 0.0
        if apart <= self._likeness.unlike:
            self.template.add(embedding, quality)
            self._odd = None
            return Look("counted", quality)
        if self._odd is None:
            self._odd, self._odd_quality = self._new_template(), 0.0
        self._odd.add(embedding, quality)
        self._odd_quality += quality
        if (
            self._odd.crops < self._config.split_crops
            or self._odd_quality < self._config.switch_margin
        ):
            return Look("odd", 0.0)
        if self._odd.apart > self._likeness.unlike:  # not like each other: turned or half hidden
            if self._odd.crops >= 2 * self._config.split_crops:
                self._odd = None
            return Look("odd", 0.0)
        odd, self._odd = self._odd, None
        if self._may_be_the_same(odd, judge(odd), names):
            self.template.join(odd)
            return Look("counted", self._odd_quality)
        self.template, self.vote = odd, Vote(self._config)
        return Look("other", self._odd_quality)

    def goes_on_from(self, earlier: "Face") -> None:
        """Be the same face as one that was lost: with its looks and its votes."""
        self.template.join(earlier.template)
        self.vote = earlier.vote

    def looks_like(self, other: "Face") -> bool:
        """Whether two faces are surely one person's."""
        return self.template.squared_distance(other.template.vector) <= self._likeness.same

    @property
    def certain(self) -> bool:
        """True while nothing speaks against the decision: fewer crops will do."""
        return self.vote.certain and self._odd is None

    def _may_be_the_same(self, odd: Template, prediction: Prediction, names: Sequence[str]) -> bool:
        """Whether crops unlike the others do not contradict the name, or that there is none."""
        if self.vote.identity is not None:
            return self.vote.speaks_for(prediction, names, _STILL)
        apart = self.template.squared_distance(odd.vector)
        return prediction.person is None and apart <= self._likeness.other

    def _new_template(self) -> Template:
        return Template(self._config.template_crops, self._likeness.spread)
