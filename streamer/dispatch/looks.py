"""Crops of tracks that somebody asks to see: a few of the last moments, and those that come.

What was seen last is in memory for a moment only, so that a face that is pointed at is not gone
before it is looked at. Pure state; times are seconds of the monotonic clock.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streamer.dispatch.queue import QueuedCrop
from streamer.wire.messages import EMBEDDING_BYTES

MAX_WATCHED = 16
MAX_TRACKS = 64
LAST_OF_TRACK = 4
LAST_S = 20.0
Track = tuple[str, str, int]
"""A camera, the epoch of its capture process, and a track's number there."""


@dataclass(frozen=True)
class Look:
    """A crop with its embedding."""

    crop: QueuedCrop
    fingerprint: str
    embedding: bytes
    at_s: float


class Looks:
    """The last `LAST_OF_TRACK` crops of `MAX_TRACKS` tracks, and who watches which."""

    def __init__(self) -> None:
        self._last: OrderedDict[Track, deque[Look]] = OrderedDict()
        self._watched: dict[Track, tuple[bytes, float]] = {}

    def watch(self, peer: bytes, track: Track, seconds: float, now: float) -> list[Look]:
        """Have a peer watch a track for so long, 0 ends it; what it is to be shown at once."""
        known = self._watched.pop(track, None)
        if seconds <= 0:
            return []
        self._watched[track] = peer, now + seconds
        while len(self._watched) > MAX_WATCHED:
            del self._watched[next(iter(self._watched))]
        if known is not None and known[0] == peer:
            return []
        return [look for look in self._last.get(track, ()) if now - look.at_s <= LAST_S]

    def take(
        self, crops: Sequence[QueuedCrop], fingerprint: str, vectors: memoryview, now: float
    ) -> Iterator[tuple[bytes, Look]]:
        """Take crops that were embedded; yield those that are watched, each with who watches."""
        for index, crop in enumerate(crops):
            embedding = bytes(vectors[index * EMBEDDING_BYTES : (index + 1) * EMBEDDING_BYTES])
            look, info = Look(crop, fingerprint, embedding, now), crop.info
            track = info.camera, info.epoch, info.track
            self._last.setdefault(track, deque(maxlen=LAST_OF_TRACK)).append(look)
            self._last.move_to_end(track)
            watch = self._watched.get(track)
            if watch is not None and watch[1] > now:
                yield watch[0], look
        while self._last:
            oldest = next(iter(self._last))
            if len(self._last) <= MAX_TRACKS and now - self._last[oldest][-1].at_s <= LAST_S:
                break
            del self._last[oldest]
        for track in [track for track, (_, until) in self._watched.items() if until <= now]:
            del self._watched[track]

    def expire(self, now: float) -> None:
        """Drop what is too old, where nothing comes that would push it out."""
        for track, last in list(self._last.items()):
            while last and now - last[0].at_s > LAST_S:
                last.popleft()
            if not last:
                del self._last[track]

    def drop_all(self) -> None:
        """Drop every crop: whose each is, is not known here. Who watches goes on watching."""
        self._last.clear()
