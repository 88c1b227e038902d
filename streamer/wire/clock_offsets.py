"""Ages of stamps from other hosts: how far their clocks are off is measured, told, corrected."""

import logging
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from streamer.wire.timestamps import NS_PER_MS, Timestamp, age_ms, clock_id

log = logging.getLogger(__name__)

TOLERANCE_MS = 250.0
"""A clock may be off by this before it counts as off: as long as a message may well take."""
_SPAN_S = 10.0
_SPANS = 6
_TELL_AFTER = 10
_MAX_CLOCKS = 256


@dataclass
class _Clock:
    """Another host's clock: the shortest ways that messages seemed to take, newest span last."""

    shortest_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_SPANS))
    span_began: float = -math.inf
    observed: int = 0
    offset_ms: float = 0.0
    told_ms: float = 0.0


class ClockOffsets:
    """Ages of stamps from other hosts, corrected by how far those hosts' clocks are off.

    When a message arrives, its capture seems to be so and so long ago: that is the time it took
    plus the offset of the clocks. The smallest such time of the last minute is where the least
    was waited for. If it is a time that a message may well take (0 to 250 ms), the clocks
    count as equal; otherwise it counts as the offset, and ages are too small by what the fastest
    message took. The log tells it once, and again when the offset changes. A clock that is set
    forward is followed at once; one that is set back within a minute, as until then it cannot be
    told from a link that is full, whose old pictures must not pass for new ones.
    """

    def __init__(
        self,
        utc_ns: Callable[[], int] = time.time_ns,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._utc_ns = utc_ns
        self._monotonic_s = monotonic_s
        self._clocks: OrderedDict[str, _Clock] = OrderedDict()

    def observe(self, stamp: Timestamp, camera: str) -> None:
        """Learn from a message of this camera that has just arrived."""
        if stamp.clock == clock_id():
            return
        clock = self._clocks.setdefault(stamp.clock, _Clock())
        self._clocks.move_to_end(stamp.clock)
        if len(self._clocks) > _MAX_CLOCKS:
            self._clocks.popitem(last=False)
        seeming_ms = (self._utc_ns() - stamp.utc_ns) / NS_PER_MS
        now = self._monotonic_s()
        if now - clock.span_began > _SPAN_S:
            self._tell_if_late(clock, stamp.clock, camera)
            clock.span_began = now
            clock.shortest_ms.append(seeming_ms)
        else:
            clock.shortest_ms[-1] = min(clock.shortest_ms[-1], seeming_ms)
        shortest_ms = min(clock.shortest_ms)
        clock.observed += 1
        clock.offset_ms = 0.0 if 0 <= shortest_ms <= TOLERANCE_MS else shortest_ms
        changed = abs(clock.offset_ms - clock.told_ms) > TOLERANCE_MS
        if changed and clock.observed >= _TELL_AFTER:
            clock.told_ms = clock.offset_ms
            self._tell_offset(clock, stamp.clock, camera)

    def age_ms(self, stamp: Timestamp) -> float:
        """Return the milliseconds since the stamp; never negative."""
        if stamp.clock == clock_id() or stamp.clock not in self._clocks:
            return age_ms(stamp)
        clock = self._clocks[stamp.clock]
        return max(0.0, (self._utc_ns() - stamp.utc_ns) / NS_PER_MS - clock.offset_ms)

    def _tell_offset(self, clock: _Clock, name: str, camera: str) -> None:
        if clock.offset_ms == 0:
            log.warning("camera %s: the clock of its host (%s) agrees again", camera, name)
            return
        log.warning(
            "camera %s: the clock of its host (%s) is %.1f s %s this one's, or its messages take "
            "so long; ages are corrected by that. Are both hosts' clocks synchronised?",
            camera,
            name,
            abs(clock.offset_ms) / 1000,
            "behind" if clock.offset_ms > 0 else "ahead of",
        )

    def _tell_if_late(self, clock: _Clock, name: str, camera: str) -> None:
        """Warn of a span in which no message was as fast as before; nothing is corrected yet."""
        if not clock.shortest_ms:
            return
        late_ms = clock.shortest_ms[-1] - min(clock.shortest_ms)
        if late_ms > TOLERANCE_MS:
            log.warning(
                "camera %s: for %.0f s its messages have come %.1f s later than before: its host "
                "or the link to it is overloaded, or that host's clock (%s) was set back",
                camera,
                _SPAN_S,
                late_ms / 1000,
                name,
            )
