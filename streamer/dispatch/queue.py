"""The queue of crops: newest per track, oldest track first, limited, and nothing stale.

Pure state without sockets; every crop that leaves it is counted.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from streamer.wire.counters import StageCounters
from streamer.wire.messages import CropInfo
from streamer.wire.timestamps import Timestamp, age_ms

MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class QueuedCrop:
    """A crop on its way: 27,648 bytes of pixels; `attempts` counts lost workers."""

    info: CropInfo
    pixels: bytes | memoryview
    attempts: int = 0

    @property
    def key(self) -> tuple[str, str, int, int]:
        """The track it belongs to; each crop of a recording that waits has a place of its own."""
        info = self.info
        return info.camera, info.epoch, info.track, info.sequence if info.lossless else 0


class CropQueue:
    """At most `max_queue` crops, at most `max_age_ms` old but for recordings that wait."""

    def __init__(
        self,
        max_queue: int,
        max_age_ms: float,
        counters: StageCounters,
        age: Callable[[Timestamp], float] = age_ms,
    ) -> None:
        self._max_queue = max_queue
        self._max_age_ms = max_age_ms
        self._counters = counters
        self._age = age
        self._crops: OrderedDict[tuple[str, str, int, int], QueuedCrop] = OrderedDict()

    def __len__(self) -> int:
        return len(self._crops)

    def put(self, crop: QueuedCrop) -> None:
        """Take a new crop; it replaces an older one of its track, keeping that one's place."""
        self._counters.receive()
        waiting = self._crops.get(crop.key)
        if waiting is not None:
            self._counters.drop("superseded")
            if waiting.info.sequence > crop.info.sequence:
                return
        elif len(self._crops) >= self._max_queue:
            self._crops.popitem(last=False)
            self._counters.drop("queue_full")
        self._crops[crop.key] = crop

    def put_back(self, crop: QueuedCrop, attempted: bool = False) -> None:
        """Take back a crop that could not be sent, or whose worker was lost with it (`attempted`).

        It is to be handed out first, and it is not counted anew.
        """
        crop = QueuedCrop(crop.info, crop.pixels, crop.attempts + attempted)
        if crop.attempts >= MAX_ATTEMPTS:
            self._counters.drop("worker_lost")
        elif self._is_stale(crop):
            self._counters.drop("expired")
        elif crop.key in self._crops:
            self._counters.drop("superseded")
        else:
            self._crops[crop.key] = crop
            self._crops.move_to_end(crop.key, last=False)

    def take(self, count: int) -> list[QueuedCrop]:
        """Up to `count` crops that are still fresh; stale ones on the way are dropped."""
        taken: list[QueuedCrop] = []
        while self._crops and len(taken) < count:
            _, crop = self._crops.popitem(last=False)
            if self._is_stale(crop):
                self._counters.drop("expired")
            else:
                taken.append(crop)
        return taken

    def expire(self) -> None:
        """Drop what has become too old to be handed out."""
        for key, crop in list(self._crops.items()):
            if self._is_stale(crop):
                del self._crops[key]
                self._counters.drop("expired")

    def _is_stale(self, crop: QueuedCrop) -> bool:
        return not crop.info.lossless and self._age(crop.info.captured) > self._max_age_ms

    def clear(self, reason: str) -> None:
        """Drop everything."""
        self._counters.drop(reason, len(self._crops))
        self._crops.clear()
