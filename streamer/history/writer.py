"""What has been heard, written in one transaction a second; a store that fails loses it, counted.

Pure of sockets. Nothing here raises for a full disk or a damaged file: `fault` says what is wrong,
and it is tried again.
"""

import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from streamer.errors import HistoryError, ProtocolError
from streamer.history.database import explain, open_history, reason_of, transaction
from streamer.history.forgetting import Forgotten, remove_sheet
from streamer.history.keeping import Kept, keep_crops, refresh_stranger
from streamer.history.recording import Recorder, Rules
from streamer.history.retention import Limits, retain
from streamer.history.waiting import Key, WaitingCrops
from streamer.wire.counters import StageCounters
from streamer.wire.messages import GalleryEvent, IdentityEvent, PresenceEvent
from streamer.wire.timestamps import NS_PER_MS

log = logging.getLogger(__name__)

MAX_PENDING = 20_000
RETRY_S = 10.0
BUSY_S = 1.0
RETAIN_EVERY_S = 60.0
Heard = IdentityEvent | PresenceEvent | GalleryEvent


class Writer:
    """Holds what is to be written; `flush()` writes it.

    `clock` is monotonic, in seconds; `utc_ms` is the time of day, in milliseconds since 1970.
    """

    def __init__(
        self,
        path: Path,
        rules: Rules,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        utc_ms: Callable[[], int] = lambda: time.time_ns() // NS_PER_MS,
    ) -> None:
        self.fault = ""
        self.events = StageCounters("history")
        self.crops = StageCounters("kept crops")
        self.waiting = WaitingCrops(self.crops, clock)
        self._path = path
        self._rules = rules
        self._limits = limits
        self._clock = clock
        self._utc_ms = utc_ms
        self._pending: deque[tuple[Heard, int]] = deque()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._retry_at = self._retain_at = 0.0
        self._began = False

    @property
    def pending_events(self) -> int:
        """How many identity events wait to be written."""
        return sum(isinstance(message, IdentityEvent) for message, _ in self._pending)

    def hear(self, message: Heard) -> None:
        """Take a message to be written."""
        if isinstance(message, IdentityEvent):
            self.events.receive()
        self._pending.append((message, self._utc_ms()))
        if len(self._pending) > MAX_PENDING:
            oldest, _ = self._pending.popleft()
            self.events.drop("store_down", int(isinstance(oldest, IdentityEvent)))

    def take_crop(self, crop: Kept) -> None:
        """Take a crop that may be kept."""
        self.crops.receive()
        self.waiting.put(crop)

    def flush(self) -> None:
        """Write what waits, if the file can be written; delete a little of what is too old."""
        self.waiting.expire()
        now = self._clock()
        if now < self._retry_at:
            return
        try:
            connection = self._open()
            self._write(connection)
            if now >= self._retain_at:
                self._retain_at = now + RETAIN_EVERY_S
                if retain(connection, self._limits, self._utc_ms()):
                    self._retain_at = now  # there may be more
                    remove_sheet(self._path)
        except (sqlite3.Error, OSError) as error:
            self._fail(explain(self._path, error), reason_of(error))
        except HistoryError as error:
            cause = error.__cause__
            known = isinstance(cause, sqlite3.Error | OSError)
            self._fail(str(error), reason_of(cause) if known else "store_unwritable")  # type: ignore[arg-type]
        else:
            if self.fault:
                log.warning("%s: the history goes on", self._path)
            self.fault = ""

    def close(self) -> None:
        """Close the file; what could not be written is counted."""
        self.events.drop("stopped", self.pending_events)
        self._pending.clear()
        for key in self.waiting.keys():  # noqa: SIM118 - no mapping
            self.waiting.settle(key, 0)
        self._release()

    def _open(self) -> sqlite3.Connection:
        """Return the connection, a new one where the file was replaced or deleted meanwhile."""
        if self._connection is not None and self._signature() != self._file:
            self._release()
        if self._connection is None:
            self._connection = open_history(self._path, make=True, busy_s=BUSY_S)
            self._file = self._signature()
        if not self._began:  # what a run that was killed left open has ended
            with transaction(self._connection):
                Recorder(self._connection, self._rules).close_all()
            self._began = True
        return self._connection

    def _signature(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _write(self, connection: sqlite3.Connection) -> None:
        if not self._pending and not len(self.waiting):
            return
        reasons: list[str | None] = []
        stayed: dict[Key, int] = {}
        with transaction(connection):
            recorder = Recorder(connection, self._rules)
            for message, heard_ms in self._pending:
                reasons += self._write_message(recorder, connection, message, heard_ms)
            self._write_crops(recorder, connection, stayed)
        # Only now is it certain: a transaction that failed is done anew as a whole.
        self._pending.clear()
        for reason in reasons:
            if reason is None:
                self.events.forward()
            else:
                self.events.drop(reason)
        for key, count in stayed.items():
            self.waiting.settle(key, count)

    def _write_message(
        self, recorder: Recorder, connection: sqlite3.Connection, message: Heard, heard_ms: int
    ) -> list[str | None]:
        """Write one message; for an identity event, why it was dropped, or None."""
        try:
            match message:
                case IdentityEvent():
                    return [recorder.record(message, heard_ms)]
                case PresenceEvent():
                    recorder.note_presence(message, heard_ms)
                case GalleryEvent():
                    forgotten = Forgotten(connection)
                    for name in message.names:
                        forgotten.enrolled_again(name, message.version)
        except ProtocolError:
            return ["malformed"] if isinstance(message, IdentityEvent) else []
        return []

    def _write_crops(
        self, recorder: Recorder, connection: sqlite3.Connection, stayed: dict[Key, int]
    ) -> None:
        strangers = set()
        for key, (number, at_ms) in recorder.ended.items():
            visit = recorder.visit_of(*key)
            if visit is None or visit.number != number:  # the track is somebody else's now
                self.waiting.drop_until(key, at_ms)
        for key in self.waiting.keys():  # noqa: SIM118 - no mapping
            visit = recorder.visit_of(*key)
            if visit is None:
                continue
            ended = recorder.ended.get(key, (None, 0))[0] == visit.number
            if not visit.inside and not ended:
                continue  # it had left before: whose the crops are will be said, or never
            stayed[key] = keep_crops(
                connection, visit.number, visit.person, self.waiting.crops(key),
                keep=self._rules.keep, snapshots=self._rules.snapshots,
            )  # fmt: skip
            if stayed[key] and visit.person is None and visit.stranger is not None:
                strangers.add(visit.stranger)
        for name in sorted(strangers):
            refresh_stranger(connection, name)

    def _fail(self, line: str, reason: str) -> None:
        """Say what is wrong, once; what waits goes on waiting for as long as there is room."""
        if reason != "store_busy":  # a command cleans up; that is no fault
            if line != self.fault:
                log.error("%s", line)
            self.fault = line
            self._retry_at = self._clock() + RETRY_S
            self._release()

    def _release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
