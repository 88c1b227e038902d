"""Which crops go to the history: of each track a few, then only better ones.

Pure state without sockets; times are seconds of the monotonic clock.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from streamer.wire.messages import CropInfo

EVERY_S = 0.5
ENOUGH = 12
MAX_TRACKS = 1024


@dataclass
class _Sent:
    """What was sent of a track: how many, the best one's quality, and when the last was."""

    count: int
    best: float
    at_s: float


class Keeping:
    """Remembers at most `MAX_TRACKS` tracks, the ones that were sent of last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tracks: OrderedDict[tuple[str, str, int], _Sent] = OrderedDict()

    def wants(self, info: CropInfo) -> bool:
        """Tell whether a crop is worth sending: one every half second, and after 12 better ones."""
        sent = self._tracks.get((info.camera, info.epoch, info.track))
        if sent is None:
            return True
        soon = self._clock() - sent.at_s < EVERY_S
        better = info.quality > sent.best
        return better if soon or sent.count >= ENOUGH else True

    def sent(self, info: CropInfo) -> None:
        """Note a crop that was sent."""
        key = info.camera, info.epoch, info.track
        before = self._tracks.pop(key, _Sent(0, 0.0, 0.0))
        best = max(before.best, info.quality)
        self._tracks[key] = _Sent(before.count + 1, best, self._clock())
        if len(self._tracks) > MAX_TRACKS:
            self._tracks.popitem(last=False)
