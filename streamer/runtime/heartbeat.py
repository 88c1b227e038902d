"""The line between the supervisor and one of its processes: a socket pair.

The child writes lines: `ready` once, then `beat`. When the supervisor is gone, however it
went, the child reads the end of the file and stops by itself; nothing is left behind.
"""

import os
import select
import signal
import socket
import threading
import time
from types import FrameType

BEAT_SECONDS = 1.0
GRACE_SECONDS = 3.0


class Stop:
    """Set by SIGTERM or SIGINT, or when the supervisor is gone."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def install(self) -> "Stop":
        """Make SIGTERM and SIGINT set it (in the main thread only)."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        return self

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._event.set()

    def set(self) -> None:
        """Ask the process to stop."""
        self._event.set()

    def is_set(self) -> bool:
        """Return whether the process should stop."""
        return self._event.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Sleep until it is set or the time is up; return whether it is set."""
        return self._event.wait(timeout_s)


class Heartbeat:
    """The child's end. Without a descriptor (a process started by hand) it does nothing."""

    def __init__(self, descriptor: int | None, stop: Stop) -> None:
        self._stop = stop
        self._last_beat = 0.0
        self._socket: socket.socket | None = None
        if descriptor is not None:
            self._socket = socket.socket(fileno=descriptor)
            self._socket.setblocking(False)
            watch = threading.Thread(
                target=self._watch, args=(self._socket,), name="heartbeat", daemon=True
            )
            watch.start()

    def ready(self) -> None:
        """Say that start-up is done."""
        self._write(b"ready\n")

    def beat(self) -> None:
        """Show once a second that the main loop, which calls this, is alive."""
        now = time.monotonic()
        if now - self._last_beat >= BEAT_SECONDS:
            self._last_beat = now
            self._write(b"beat\n")

    def _write(self, line: bytes) -> None:
        if self._socket is None:
            return
        try:
            self._socket.send(line)
        except BlockingIOError:
            pass  # the supervisor is busy and has enough beats to read
        except OSError:
            self._stop.set()

    def _watch(self, line: socket.socket) -> None:
        while True:
            try:
                select.select([line], [], [])
                gone = not line.recv(64)
            except BlockingIOError:
                continue
            except (OSError, ValueError):
                gone = True
            if gone:
                break
        self._stop.set()
        time.sleep(GRACE_SECONDS)
        os._exit(1)  # the main loop is stuck, and nobody is left to end it
