"""Log lines as JSON, one object each: time, level, process, message."""

import json
import logging
import time

from streamer.runtime.redact import redact
from streamer.wire.timestamps import utc_text

FAULT_PREFIX = "facestream: "
"""Begins each line that tells of a fault of the user's; taken off where one quotes another."""

_KEYS = {"time", "level", "process", "message"}


class JsonFormatter(logging.Formatter):
    """Records of a process as objects; a traceback is under `exception`. No credentials."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        return json_line(
            self._process,
            record.levelname.lower(),
            record.getMessage(),
            time_ns=int(record.created * 1e9),
            exception=trace,
        )


def json_line(
    process: str,
    level: str,
    message: str,
    *,
    time_ns: int | None = None,
    exception: str = "",
) -> str:
    """Return one object in ASCII; texts are redacted before they are quoted."""
    line = {
        "time": utc_text(time.time_ns() if time_ns is None else time_ns),
        "level": level,
        "process": process,
        "message": redact(message),
    }
    if exception:
        line["exception"] = redact(exception)
    return json.dumps(line)


def as_json_line(process: str, line: str) -> str:
    """Return a line that a process wrote: as it is, if it is such an object, or else as one.

    Libraries, and Python itself, write what they like.
    """
    if _parsed(line) is not None:
        return line
    fault = line.startswith(FAULT_PREFIX)
    return json_line(process, "error" if fault else "warning", line.removeprefix(FAULT_PREFIX))


def message_of(line: str) -> str:
    """Return what a line says, without its clothes."""
    parsed = _parsed(line)
    return line.removeprefix(FAULT_PREFIX) if parsed is None else str(parsed["message"])


def _parsed(line: str) -> dict[str, object] | None:
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and set(found) >= _KEYS else None
