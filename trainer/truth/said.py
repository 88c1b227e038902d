"""What was said about a clip: where a face was said to be, whose, and since when that was known."""

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from streamer.vision.boxes import Box
from streamer.wire.messages import IdentityEvent
from trainer.truth.keys import Key, box_at


class Claim(NamedTuple):
    """Who somebody is, said at a time of the clip: an enrolled person, or None for a stranger."""

    at_ms: float
    identity: str | None
    stranger: str | None = None


@dataclass
class SaidTrack:
    """One face as it was published: its places, and the claims about it, in order of time."""

    track: str
    keys: list[Key] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)

    def box_at(self, t_ms: float) -> Box | None:
        """Return where it was said to be; between two events, on the straight line."""
        return box_at(self.keys, t_ms)

    def claim_at(self, t_ms: float) -> Claim | None:
        """Return what had been said by then; None before the first claim."""
        index = bisect.bisect_right(self.claims, t_ms, key=lambda claim: claim.at_ms)
        return self.claims[index - 1] if index else None


class Listener:
    """Makes said tracks of one camera's events as they come.

    real_time: the clip runs as the clock does, so that what took `age_ms` to be published was not
    known before; otherwise every claim counts from its frame on.
    """

    def __init__(self, real_time: bool) -> None:
        self._real_time = real_time
        self._tracks: dict[str, SaidTrack] = {}
        self.latencies_ms: list[float] = []
        """From capture to publication, of every event that a crop gave rise to."""

    def take(self, event: IdentityEvent) -> None:
        """Take the next event; an exit only says where and when the face was seen last."""
        said = self._tracks.setdefault(event.track, SaidTrack(event.track))
        x, y, width, height = event.box_xywh
        if not said.keys or event.media_ms > said.keys[-1].at_ms:
            said.keys.append(Key(event.media_ms, x, y, max(1, width), max(1, height)))
        if event.event == "exit":
            return
        self.latencies_ms.append(event.age_ms)
        known_ms = event.media_ms + (max(0.0, event.age_ms) if self._real_time else 0.0)
        if said.claims:
            known_ms = max(known_ms, said.claims[-1].at_ms)
        said.claims.append(Claim(known_ms, event.identity, event.stranger))

    def tracks(self) -> list[SaidTrack]:
        """Return the tracks so far, in the order in which they entered."""
        return list(self._tracks.values())


def said_of_frames(
    frames: Iterable[tuple[float, Sequence[tuple[Box, str | None]]]], period_ms: float
) -> list[SaidTrack]:
    """Make said tracks of a program that names every frame anew: (ms, its boxes with names).

    Each box is a track of its own and holds for `period_ms`, until the next frame.
    """
    said = []
    for at_ms, boxes in frames:
        for number, (box, name) in enumerate(boxes):
            keys = [Key(at_ms, *box), Key(at_ms + 0.999 * period_ms, *box)]
            said.append(SaidTrack(f"{at_ms:.0f}-{number}", keys, [Claim(at_ms, name)]))
    return said
