"""Strangers who are known again across tracks, cameras and restarts, where the user allows it.

What they look like comes from the crops kept in the history, and from what is seen meanwhile.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from streamer.history.corrections import People
from workers.classifier.impostors import Impostors
from workers.identity.strangers import Strangers

MAX_KNOWN = 3000
_FALSE_JOIN_RATE = 0.02
_FEW = 5
_UNSTORED_S = 120.0
_MEMORY = 50.0
"""A template counts as so many crops at most, so that it follows a face that changes."""


@dataclass
class _Known:
    """A stranger's mean direction, and of how many crops; `stored`: the history has them, too."""

    template: NDArray[np.float32]
    crops: float
    seen_s: float
    stored: bool = False


@dataclass(frozen=True)
class JoinLimit:
    """How near two embeddings of one stranger must be, among so many.

    Squared distances of different people are nearly normal; their tail is not seen in the drawn
    impostors (limits for 0.1 % and 0.001 % of pairs so found let 0.09 % and 0.0004 % of LFW's
    development pairs of different people pass, and 83 % and 46 % of those of the same).
    """

    mean: float
    deviation: float

    @classmethod
    def of(cls, impostors: Impostors) -> "JoinLimit":
        """Fit the normal distribution to the nearest hundredth and the median of pairs."""
        mean, near = (impostors.same_person_limit(share) for share in (0.5, 0.01))
        return cls(mean, (near - mean) / NormalDist().inv_cdf(0.01))

    def among(self, count: int) -> float:
        """Return the squared distance below which one in fifty has a stranger nearest."""
        share = _FALSE_JOIN_RATE / max(_FEW, count)
        return self.mean + self.deviation * NormalDist().inv_cdf(share)


class KeptStrangers(Strangers):
    """Gives a track without a name its id, the same one to a stranger who comes back.

    `numbers` gives a number that was never given before. With more strangers known, two must be
    more alike to be one: of new ones, about one in fifty may be taken for another.
    """

    def __init__(
        self,
        impostors: Impostors,
        numbers: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(0.0, 0.0, numbers, clock)
        self._limit = JoinLimit.of(impostors)
        self._faces: OrderedDict[str, _Known] = OrderedDict()
        self._ignored: frozenset[str] = frozenset()

    def use(self, people: People) -> None:
        """Learn whom the history has by now; who it had and has no more is not known any more."""
        now = self._clock()
        self._ignored = people.ignored
        for stranger in people.strangers:
            if stranger.name not in self._faces:
                self._faces[stranger.name] = _Known(stranger.template, 1.0, now)
            self._faces[stranger.name].stored = True
        stored = {stranger.name for stranger in people.strangers}
        for name, known in list(self._faces.items()):
            fresh = not known.stored and now - known.seen_s < _UNSTORED_S
            if name in people.gone or (name not in stored and not fresh):
                del self._faces[name]
        self._limit_memory()

    def name(self, embedding: NDArray[np.float32]) -> str:
        """Return the id of the stranger that a (128,) unit vector is of, or a new one."""
        if self._faces:
            names = list(self._faces)
            templates = np.stack([known.template for known in self._faces.values()])
            apart = 2.0 - 2.0 * templates @ embedding
            nearest = int(apart.argmin())
            if float(apart[nearest]) <= self._limit.among(len(names)):
                self._faces[names[nearest]].seen_s = self._clock()
                return names[nearest]
        name = f"unknown-{self._numbers()}"
        self._faces[name] = _Known(np.array(embedding, np.float32), 1.0, self._clock())
        self._limit_memory()
        return name

    def see(self, name: str, embedding: NDArray[np.float32]) -> None:
        """Another crop of a stranger who has an id."""
        known = self._faces.get(name)
        if known is None:
            return
        total = known.template * known.crops + embedding
        known.template = np.asarray(total / max(float(np.linalg.norm(total)), 1e-9), np.float32)
        known.crops = min(_MEMORY, known.crops + 1.0)
        known.seen_s = self._clock()
        self._faces.move_to_end(name)

    def _limit_memory(self) -> None:
        """Let go of who was seen longest ago; but of nobody who is ignored, if that will do."""
        spare = len(self._faces) - MAX_KNOWN
        if spare > 0:
            oldest = sorted(self._faces, key=lambda name: name in self._ignored)[:spare]
            for name in oldest:
                del self._faces[name]
