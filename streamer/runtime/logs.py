"""Logging, configured once per process."""

import logging
import os
import sys

from streamer.runtime.redact import redact


class _Redacting(logging.Formatter):
    """No credential of a camera's URL gets through, whoever logged it."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def set_up_logging(level: str, role: str) -> None:
    """Log to stderr: time, level, role, message. Call it once, at the start of a process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting(f"%(asctime)s %(levelname)s {role}: %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # FFmpeg and OpenCV write to stderr by themselves, credentials and all.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
