"""Crops that wait until it is known whose they are: at most so many, for at most so long."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from streamer.history.keeping import OF_A_STRANGERS_VISIT, Kept
from streamer.wire.counters import StageCounters
from streamer.wire.epochs import track_id
from streamer.wire.timestamps import NS_PER_MS

MAX_CROPS = 1024
MAX_WAIT_S = 60.0

Key = tuple[str, str]
"""A camera, and a track's public id."""


@dataclass
class _Track:
    since_s: float
    crops: list[Kept] = field(default_factory=list)


class WaitingCrops:
    """The best crops of each track, until `take` for a track that has a visit."""

    def __init__(
        self, counters: StageCounters, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._counters = counters
        self._clock = clock
        self._tracks: OrderedDict[Key, _Track] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, crop: Kept) -> None:
        """Take a crop that was received and checked; the account has it from here on."""
        key = crop.info.camera, track_id(crop.info.epoch, crop.info.track)
        while self._count >= MAX_CROPS:
            _, oldest = self._tracks.popitem(last=False)
            self._count -= len(oldest.crops)
            self._counters.drop("too_many", len(oldest.crops))
        track = self._tracks.setdefault(key, _Track(self._clock()))
        track.crops.append(crop)
        self._count += 1
        if len(track.crops) > OF_A_STRANGERS_VISIT:
            track.crops.remove(min(track.crops, key=lambda each: each.info.quality))
            self._count -= 1
            self._counters.drop("better_ones")

    def keys(self) -> Iterator[Key]:
        """Yield the tracks whose crops wait."""
        yield from list(self._tracks)

    def crops(self, key: Key) -> list[Kept]:
        """Return the crops of a track, which go on waiting until they are settled."""
        return list(self._tracks[key].crops)

    def settle(self, key: Key, stayed: int) -> None:
        """Count a track's crops, of which some were written and the others were not wanted."""
        gone = self._tracks.pop(key)
        self._count -= len(gone.crops)
        self._counters.forward(stayed)
        self._counters.drop("not_wanted", len(gone.crops) - stayed)

    def drop_until(self, key: Key, utc_ms: int) -> None:
        """Drop a track's crops up to a time: until then it was somebody's of whom none are kept."""
        track = self._tracks.get(key)
        if track is None:
            return
        later = [crop for crop in track.crops if crop.info.captured.utc_ns // NS_PER_MS > utc_ms]
        gone = len(track.crops) - len(later)
        track.crops = later
        self._count -= gone
        self._counters.drop("not_wanted", gone)
        if not later:
            del self._tracks[key]

    def expire(self) -> None:
        """Drop the crops of tracks that have got no visit for too long."""
        now = self._clock()
        for key, track in list(self._tracks.items()):
            if now - track.since_s > MAX_WAIT_S:
                del self._tracks[key]
                self._count -= len(track.crops)
                self._counters.drop("no_visit", len(track.crops))
