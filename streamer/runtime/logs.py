"""Logging, and what else goes to stderr, set up once per process."""

import logging
import os
import sys
import threading
import traceback

from streamer.runtime.json_lines import FAULT_PREFIX as FAULT_PREFIX
from streamer.runtime.json_lines import JsonFormatter
from streamer.runtime.redact import redact


class _Redacting(logging.Formatter):
    """A formatter that takes the credentials of cameras out of every record."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def set_up_logging(level: str, role: str, as_json: bool = False) -> None:
    """Log to stderr: time, level, role, message. Call it once, at the start of a process.

    as_json: as an object a line, what Python itself warns of included.
    """
    handler = logging.StreamHandler(sys.stderr)
    if as_json:
        handler.setFormatter(JsonFormatter(role))
        logging.captureWarnings(True)
    else:
        line = f"%(asctime)s %(levelname)s {role}: %(message)s"
        handler.setFormatter(_Redacting(line, "%H:%M:%S"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def keep_secrets() -> None:
    """Let nothing write a camera's credentials. Call it before OpenCV is imported.

    OpenCV and FFmpeg write URLs to stderr by themselves, as they are, and read their log levels
    once, while OpenCV is loaded: they are silenced. What went wrong is in the SourceError.
    """
    os.environ["OPENCV_LOG_LEVEL"] = "OFF"
    os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"
    os.environ.pop("OPENCV_FFMPEG_DEBUG", None)
    threading.excepthook = _show_thread_exception


def show_exception(error: BaseException) -> None:
    """Write a traceback to stderr, without credentials."""
    sys.stderr.write(redact("".join(traceback.format_exception(error))))


def _show_thread_exception(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None and arguments.exc_type is not SystemExit:
        show_exception(arguments.exc_value)
