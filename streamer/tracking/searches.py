"""Where the searches of the whole picture are made: at once, or beside the frames.

Such a search takes as long as a frame or two. A recording that is read frame by frame waits for
it, so that it has the same faces every time. A camera does not: its search runs in a thread of
low priority, and what it finds is looked at in the frame that is there by then.
"""

import contextlib
import os
import threading
from typing import Protocol

from streamer.vision.boxes import Box
from streamer.vision.detect import HaarDetector
from streamer.vision.reduced import Reduced

_NICENESS = 5

_Work = tuple[HaarDetector, Reduced, list[Box]]


class Searches(Protocol):
    """Takes a search when it is not `busy`; gives its boxes, in the frame's pixels, once."""

    busy: bool

    def start(self, haar: HaarDetector, picture: Reduced, regions: list[Box]) -> None:
        """Search regions, in the reduced picture's pixels, with a detector that is not in use."""
        ...

    def take(self) -> list[Box]:
        """Return what has been found since the last call."""
        ...

    def forget(self) -> None:
        """Let go of what is under way: it is of a scene that is over."""
        ...

    def close(self) -> None:
        """End whatever runs."""
        ...


class SearchAtOnce:
    """Searches within `start`."""

    busy = False

    def __init__(self) -> None:
        self._found: list[Box] = []

    def start(self, haar: HaarDetector, picture: Reduced, regions: list[Box]) -> None:
        self._found = _search(haar, picture, regions)

    def take(self) -> list[Box]:
        found, self._found = self._found, []
        return found

    def forget(self) -> None:
        self._found = []

    def close(self) -> None:
        pass


class SearchBeside:
    """Searches in a thread of its own, one search at a time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._work: _Work | None = None
        self._found: list[Box] = []
        self._failure: Exception | None = None
        self._stale = False
        self._closing = False
        self.busy = False
        self._thread = threading.Thread(target=self._run, name="search", daemon=True)
        self._thread.start()

    def start(self, haar: HaarDetector, picture: Reduced, regions: list[Box]) -> None:
        with self._changed:
            if self._failure is not None:
                raise self._failure
            self._work = (haar, picture, regions)
            self.busy = True
            self._stale = False
            self._changed.notify_all()

    def take(self) -> list[Box]:
        with self._changed:
            found, self._found = self._found, []
            return found

    def forget(self) -> None:
        with self._changed:
            self._found = []
            self._stale = self.busy

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # Linux gives each thread a priority; others may not
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        while (work := self._next()) is not None:
            try:
                found = _search(*work)
            except Exception as error:  # noqa: BLE001 - raised by start(), in the watched thread
                found, self._failure = [], error
            with self._changed:
                self._found = [] if self._stale else found
                self._stale = False
                self.busy = False

    def _next(self) -> _Work | None:
        with self._changed:
            while self._work is None and not self._closing:
                self._changed.wait()
            work, self._work = self._work, None
            return None if self._closing else work


def _search(haar: HaarDetector, picture: Reduced, regions: list[Box]) -> list[Box]:
    found = [box for region in regions for box in haar.search_region(picture, region)]
    return [box.scaled(1 / picture.factor) for box in found]
