"""What users say about people, read from the history beside the identify loop, which never waits.

`facestream name`, `not`, `ignore` and `forget` write it there; within a second it is in use.
"""

import logging
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from streamer.errors import HistoryError
from streamer.history.corrections import People, corrections_after, last_correction, people
from streamer.history.database import explained, meta, open_history
from streamer.wire.messages import CorrectionEvent

log = logging.getLogger(__name__)

CHECK_S = 0.5
_BUSY_S = 1.0
NOBODY = People((), frozenset(), frozenset())


@dataclass(frozen=True)
class HistoryChange:
    """Whom to know and whom to ignore from now on, and corrections to publish."""

    people: People
    corrections: tuple[CorrectionEvent, ...]


class HistoryWatcher:
    """A thread that looks for changes; enter it, and `take()` in the loop.

    Entering reads what is there now, of which no correction is published. A file that cannot be
    read is logged once; what was known stays in use, and it is tried again.
    """

    def __init__(self, path: Path, weights: str, check_s: float = CHECK_S) -> None:
        self._path = path
        self._weights = weights
        self._check_s = check_s
        self._file: tuple[int, int] | None = None
        self._changes = 0
        self._connection: sqlite3.Connection | None = None
        self._corrections: int | None = None
        self._ready: HistoryChange | None = None
        self._fault = ""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="history", daemon=True)

    def __enter__(self) -> Self:
        """Read what is there now, and begin to watch."""
        self._look()
        if not self._fault:  # else what was said before is not known yet
            self._corrections = self._corrections or 0
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join()
        self._release()

    def take(self) -> HistoryChange | None:
        """Return what has changed since the last call, or None. It never waits."""
        with self._lock:
            ready, self._ready = self._ready, None
            return ready

    def _watch(self) -> None:
        while not self._stop.wait(self._check_s):
            self._look()

    def _look(self) -> None:
        try:
            with explained(self._path):
                self._read()
        except HistoryError as error:
            self._release()
            if str(error) != self._fault:
                log.error("people are known and ignored as before: %s", error)
            self._fault = str(error)
        else:
            self._fault = ""

    def _read(self) -> None:
        """Read the people anew if the note of changes differs, or the file is another one."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._release()
            if self._file is not None:
                self._file = None
                self._hand_over(NOBODY, [])
            return
        file = found.st_dev, found.st_ino
        if file != self._file:
            self._release()
        if self._connection is None:
            self._connection = open_history(self._path, busy_s=_BUSY_S)
            self._changes = 0
        self._connection.execute("BEGIN")  # all of one moment: commands may write meanwhile
        changes = meta(self._connection, "changes")
        if changes != self._changes:
            known = people(self._connection, self._weights)
            self._hand_over(known, self._news(self._connection))
            self._changes, self._file = changes, file
        self._connection.execute("COMMIT")

    def _release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _news(self, connection: sqlite3.Connection) -> list[CorrectionEvent]:
        news = []
        if self._corrections is not None:
            news = corrections_after(connection, self._corrections)
        self._corrections = last_correction(connection)
        return news

    def _hand_over(self, known: People, news: list[CorrectionEvent]) -> None:
        with self._lock:
            before = self._ready.corrections if self._ready is not None else ()
            self._ready = HistoryChange(known, (*before, *news))
