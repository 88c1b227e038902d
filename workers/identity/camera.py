"""One camera's faces: those that are there, and those that were lost a moment ago."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from streamer.wire.timestamps import Timestamp
from workers.identity.face import Face

MAX_LOST = 64
_REMEMBERED_EPOCHS = 16


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """Where and when a face was found."""

    box_xywh: tuple[int, int, int, int]
    captured: Timestamp
    media_ms: float
    sequence: int


@dataclass(kw_only=True)
class Presence:
    """One track's state; `entered` is when its `enter` was published, or None before that.

    `found`: in the last snapshot, and not only expected. `joined`: the track it goes on from.
    `left`: its exit was published.
    """

    track: str
    visit: str
    face: Face
    seen: Sighting
    found: bool = True
    stranger: str | None = None
    entered: Timestamp | None = None
    joined: str | None = None
    left: bool = False

    def begin_again(self, visit: str) -> None:
        """Be somebody else from now on, without a decision."""
        self.visit, self.stranger, self.entered, self.joined = visit, None, None, None

    def go_on_from(self, lost: "Presence") -> None:
        """Be the same person as a track that was lost."""
        self.face.goes_on_from(lost.face)
        self.visit, self.stranger, self.joined = lost.visit, lost.stranger, lost.track


@dataclass
class _Lost:
    """A track that has ended, and when, by the recording and by the clock."""

    person: Presence
    media_ms: float
    clock_s: float


@dataclass
class Camera:
    """One camera's tracks, of one run of its capture process, and its events' count.

    `lost` are those that have ended: each may yet go on as another track. At most `MAX_LOST`.
    """

    name: str
    epoch: str
    heard_s: float
    sequence: int = 0
    media_ms: float = 0.0
    number: int = 0
    tracks: dict[int, Presence] = field(default_factory=dict)
    earlier_epochs: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_EPOCHS))
    _lost: list[_Lost] = field(default_factory=list)

    def lose(self, number: int, now_s: float) -> None:
        """Take a track that has ended out of those that are there."""
        person = self.tracks.pop(number)
        if person.entered is not None:
            person.found = False
            self._lost.append(_Lost(person, self.media_ms, now_s))

    def left(self, after_s: float, forget_s: float, now_s: float) -> list[Presence]:
        """Return who has been gone for `after_s`, each once; after `forget_s` they are forgotten.

        The longer of media time and clock time counts: recordings may be faster than the clock,
        and a camera may stand still.
        """
        leaving = []
        spare = len(self._lost) - MAX_LOST
        for index, lost in enumerate(list(self._lost)):
            gone_s = self._gone_s(lost, now_s)
            forgotten = gone_s > max(after_s, forget_s) or index < spare
            if not lost.person.left and (gone_s >= after_s or forgotten):
                lost.person.left = True
                leaving.append(lost.person)
            if forgotten:
                self._lost.remove(lost)
        return leaving

    def take_back(self, newcomer: Presence, within_s: float, now_s: float) -> Presence | None:
        """Take out the lost person whom a newcomer surely is, the nearest one; None if nobody.

        Lost are tracks that have ended no longer than `within_s` ago, and those that are only
        expected somewhere. The exit, if the person has not `left`, is for the caller to publish.
        """
        gone = [lost for lost in self._lost if self._gone_s(lost, now_s) <= within_s]
        expected = [p for p in self.tracks.values() if not p.found and p.entered is not None]
        people = [*(lost.person for lost in gone), *expected]
        vector = newcomer.face.template.vector
        alike = [p for p in people if p is not newcomer and p.face.looks_like(newcomer.face)]
        if not alike:
            return None
        best = min(alike, key=lambda person: person.face.template.squared_distance(vector))
        self._lost = [lost for lost in self._lost if lost.person is not best]
        self.tracks = {n: person for n, person in self.tracks.items() if person is not best}
        return best

    def present(self) -> Iterator[Presence]:
        """Yield everybody who has entered and not left."""
        yield from (lost.person for lost in self._lost if not lost.person.left)
        yield from (person for person in self.tracks.values() if person.entered is not None)

    def faces(self) -> Iterator[Face]:
        """Yield all faces that are known of, there or lost."""
        yield from (lost.person.face for lost in self._lost)
        yield from (person.face for person in self.tracks.values())

    def _gone_s(self, lost: _Lost, now_s: float) -> float:
        return max((self.media_ms - lost.media_ms) / 1000, now_s - lost.clock_s)
