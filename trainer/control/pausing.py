"""Cameras that are closed for a while: kept over restarts, and said again every second."""

import time
from collections.abc import Callable, Collection
from pathlib import Path

from streamer.control.pausing import read_paused, write_paused
from streamer.errors import ControlError
from streamer.wire.control import MAX_ROWS
from streamer.wire.messages import PauseEvent

AGAIN_S = 1.0


class Pausing:
    """`tell` sends to identify, which publishes: a capture process that missed it hears it again.

    cameras: the names of the config, which alone can be paused.
    """

    def __init__(
        self, path: Path, cameras: Collection[str], tell: Callable[[PauseEvent], None]
    ) -> None:
        self._path = path
        self._cameras = tuple(cameras)
        self._tell = tell
        self._paused = read_paused(path) & set(cameras)
        self._tell_at = 0.0

    def set(self, camera: str, paused: bool) -> tuple[str, ...]:
        """Pause a camera or end it; return all that are. Raises ControlError where it cannot."""
        if camera not in self._cameras:
            raise ControlError(f"no camera {camera!r:.80}. Cameras: {', '.join(self._cameras)}")
        now = self._paused | {camera} if paused else self._paused - {camera}
        if now != self._paused:
            try:
                write_paused(self._path, now)
            except OSError as error:
                raise ControlError(f"{self._path}: cannot be written: {error}") from error
        self._paused = now
        self._tell(PauseEvent(camera, paused))
        return tuple(sorted(self._paused))[:MAX_ROWS]

    def tick(self) -> None:
        """Say it again, if it is time to."""
        if time.monotonic() >= self._tell_at:
            self._tell_at = time.monotonic() + AGAIN_S
            for camera in self._cameras:
                self._tell(PauseEvent(camera, camera in self._paused))
