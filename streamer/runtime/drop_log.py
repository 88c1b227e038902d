"""What is said of messages that are dropped: whoever floods a socket must not flood the log."""

import logging
import time
from collections.abc import Callable

TELL_EVERY_S = 60.0
MAX_REASON = 200
"""Characters of a reason that are logged; it may quote the message, whoever sent that."""


class DropLog:
    """Logs the first drop, then at most one a minute, with the number of those in between.

    `what` begins each line; `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        log: logging.Logger,
        what: str = "message dropped",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._what = what
        self._clock = clock
        self._told_at: float | None = None
        self._untold = 0

    def tell(self, reason: object) -> None:
        """Log why a message was dropped, or count it until a line is due."""
        now = self._clock()
        if self._told_at is not None and now - self._told_at < TELL_EVERY_S:
            self._untold += 1
            return
        more = f" ({self._untold} others since the last such line)" if self._untold else ""
        self._told_at, self._untold = now, 0
        self._log.warning("%s: %s%s", self._what, printable(str(reason)), more)


def printable(text: str) -> str:
    """Return the beginning of a text in printable ASCII, all else escaped: one harmless line."""
    shown = text if len(text) <= MAX_REASON else f"{text[:MAX_REASON]}..."
    return "".join(
        character if " " <= character <= "~" else ascii(character)[1:-1] for character in shown
    )
