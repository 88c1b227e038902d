"""Truth of a made clip: what of each face can be seen, frame by frame, and tracks made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Literal

from streamer.vision.boxes import Box
from trainer.truth.file import TruthTrack
from trainer.truth.keys import Key

State = Literal["judged", "unjudged", "hidden"]

JUDGED_SHARE = 0.75
"""A face of which less can be seen is nobody's that should be named."""
_HIDDEN_SHARE = 0.15
_MOMENT_MS = 200.0  # nothing is judged, and no judging is broken off, for a shorter time
_OFF_LINE = 0.01  # of the face's width: how far a face may be from where its track says


@dataclass(frozen=True)
class Seen:
    """A face in one frame: when, where, and how much of it, 0 to 1."""

    at_ms: float
    box: Box
    share: float

    def state(self, judged_px: float) -> State:
        """Whether a face of this size, so much seen, is one that should be named."""
        if self.share < _HIDDEN_SHARE:
            return "hidden"
        good = self.share >= JUDGED_SHARE and self.box.width >= judged_px
        return "judged" if good else "unjudged"


def tracks_of(person: str, known: bool, seen: Sequence[Seen], judged_px: float) -> list[TruthTrack]:
    """Make the tracks of one visit: of the person where it should be named, else of nobody.

    seen: its frames in order. judged_px: a face less wide is not judged.
    """
    runs = _runs(seen, judged_px)
    tracks: list[TruthTrack] = []
    pending: list[Seen] = []
    for state, frames in [*runs, ("hidden", [])]:
        if state == "unjudged" or (state == "judged" and _is_moment(frames)):
            pending += frames
            continue
        if pending:
            tracks.append(TruthTrack(None, False, _keys(pending)))
            pending = []
        if state == "judged":
            tracks.append(TruthTrack(person, known, _keys(frames)))
    return tracks


def _runs(seen: Sequence[Seen], judged_px: float) -> list[tuple[State, list[Seen]]]:
    """Join frames of one state that follow each other.

    Through a moment in which somebody cannot be seen it is judged: nobody leaves for so short.
    """
    stated = [(one.state(judged_px), one) for one in seen]
    parts = [(good, list(some)) for good, some in groupby(stated, lambda item: item[0] == "judged")]
    for index, (good, some) in enumerate(parts):
        if not good and 0 < index < len(parts) - 1 and _is_moment([one for _, one in some]):
            parts[index] = (True, [("judged", one) for _, one in some])
    told = [item for _, some in parts for item in some]
    return [(state, [one for _, one in some]) for state, some in groupby(told, itemgetter(0))]


def _is_moment(frames: Sequence[Seen]) -> bool:
    return not frames or frames[-1].at_ms - frames[0].at_ms < _MOMENT_MS


def _keys(frames: Sequence[Seen]) -> tuple[Key, ...]:
    """Keep the frames between which the box goes straight, within `_OFF_LINE`."""
    keys, first = [_key(frames[0])], 0
    for last in range(2, len(frames)):
        if any(_off(frames[first], frames[last], frame) for frame in frames[first + 1 : last]):
            keys.append(_key(frames[last - 1]))
            first = last - 1
    if len(frames) > 1:
        keys.append(_key(frames[-1]))
    return tuple(keys)


def _off(first: Seen, last: Seen, frame: Seen) -> bool:
    share = (frame.at_ms - first.at_ms) / (last.at_ms - first.at_ms)
    return any(
        abs(a + share * (b - a) - at) > _OFF_LINE * frame.box.width
        for a, b, at in zip(first.box, last.box, frame.box, strict=True)
    )


def _key(seen: Seen) -> Key:
    x, y, width, height = (round(number, 2) for number in seen.box)
    return Key(round(seen.at_ms, 2), x, y, width, height)
