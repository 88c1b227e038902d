"""The states of a run's processes in a file, for whoever asks on this host: `run/processes.json`.

Statistics come through identify; the file says what is the matter while identify itself is down.
It is there while `facestream run` is, and it is believed only while that holds its lock.
"""

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from streamer.files import write_file
from streamer.supervision.child import ProcessStatus
from streamer.wire.timestamps import utc_text

log = logging.getLogger(__name__)

PROCESSES = "processes.json"
_RETRY_S = 10.0
_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class Processes:
    """What the file says: of a run that began then, each process."""

    started_utc: str
    processes: tuple[ProcessStatus, ...]


_READER = TypeAdapter(Processes)


class ProcessFile:
    """Writes the file in a folder whenever a state changes, and removes it at the end."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / PROCESSES
        self._started_utc = utc_text(time.time_ns())
        self._written: tuple[ProcessStatus, ...] = ()
        self._retry_at = 0.0

    def __enter__(self) -> "ProcessFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._path.unlink(missing_ok=True)

    def update(self, statuses: Iterable[ProcessStatus]) -> None:
        """Write the states if any has changed; a full disk is no reason to end a run."""
        now = tuple(statuses)
        if now == self._written or time.monotonic() < self._retry_at:
            return
        content = json.dumps(asdict(Processes(self._started_utc, now)), ensure_ascii=False)
        try:
            write_file(self._path, content.encode())
        except OSError as error:
            self._retry_at = time.monotonic() + _RETRY_S
            log.warning("%s cannot be written: %s", self._path, error.strerror)
        else:
            self._written = now


def read_processes(folder: Path) -> Processes | None:
    """Return what the run in a folder says of its processes; None where no run is."""
    if not is_running(folder):
        return None
    try:
        with (folder / PROCESSES).open("rb") as file:
            return _READER.validate_json(file.read(_MAX_BYTES))
    except (OSError, ValidationError):
        return Processes("", ())  # it has only begun


def is_running(folder: Path) -> bool:
    """Tell whether a run holds the lock of its folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
