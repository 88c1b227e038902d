"""Detection that follows the load: cameras look for faces less often before they lose frames.

A camera that falls behind first searches for new faces more rarely, then looks at every second
frame only, then at every third and sixth. Frames that are not looked at still go on, with the
faces where they are expected. It goes up in steps at once, and down only after calm seconds.
"""

from typing import NamedTuple


class Effort(NamedTuple):
    """How hard to look: searches are `rarely` times rarer; each `every`-th frame is looked at."""

    rarely: float
    every: int


EFFORTS = (
    Effort(1.0, 1),
    Effort(2.0, 1),
    Effort(4.0, 1),
    Effort(4.0, 2),
    Effort(6.0, 3),
    Effort(8.0, 6),
)
"""From what the settings say to what keeps a camera alive where there is too little processor."""

LATE_MS = 50.0
"""A frame done so long after it was captured is late: the next one is there already."""

_HOLD_MS = 400.0  # after a step up, to see what it does before the next
_CALM_MS = 3000.0  # without a late frame before a step down
_MOST_LATE = 2  # late frames in a row before a step up: one alone may be a hiccup


class Governor:
    """The effort of one camera. Times are of the monotonic clock, in ms, given by the caller."""

    def __init__(self, late_ms: float = LATE_MS) -> None:
        self._late_ms = late_ms
        self._level = 0
        self._late = 0
        self._changed_ms = self._late_at_ms = float("-inf")
        self._frames = 0

    @property
    def effort(self) -> Effort:
        """How hard to look now."""
        return EFFORTS[self._level]

    def is_to_look(self) -> bool:
        """Return whether to look at the next frame, counting it."""
        self._frames += 1
        return self._frames % self.effort.every == 0

    def done(self, now_ms: float, age_ms: float, superseded: int) -> None:
        """Learn how a frame went: its age when it was done, and frames lost since the last one."""
        if age_ms <= self._late_ms and not superseded:
            self._late = 0
            if now_ms - max(self._late_at_ms, self._changed_ms) >= _CALM_MS:
                self._step(-1, now_ms)
            return
        self._late += 1
        self._late_at_ms = now_ms
        if self._late >= _MOST_LATE and now_ms - self._changed_ms >= _HOLD_MS:
            self._step(1, now_ms)

    def _step(self, by: int, now_ms: float) -> None:
        level = min(max(self._level + by, 0), len(EFFORTS) - 1)
        if level != self._level:
            self._level, self._changed_ms, self._late = level, now_ms, 0
