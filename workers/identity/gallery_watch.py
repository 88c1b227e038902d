"""The gallery in use, loaded and verified beside the identify loop, which never waits for it."""

import logging
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from streamer.errors import GalleryError
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery

log = logging.getLogger(__name__)

CHECK_S = 0.3
RETRY_S = 5.0


@dataclass(frozen=True)
class GalleryChange:
    """What is in use from now on; None where nobody was ever enrolled."""

    gallery: Gallery | None


class GalleryWatcher:
    """A thread that takes up whatever version is put in use; enter it, and `take()` in the loop.

    Entering loads what is in use now. A version that is damaged, or was made with other weights,
    is logged and not handed over: the one before stays in use, and it is tried again.
    """

    def __init__(self, store: GalleryStore, weights: str, check_s: float = CHECK_S) -> None:
        self._store = store
        self._weights = weights
        self._check_s = check_s
        self._seen: tuple[int, int] | None = None
        self._looked = False
        self._retry_at = 0.0
        self._fault = ""
        self._ready: GalleryChange | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gallery", daemon=True)

    def __enter__(self) -> Self:
        """Load what is in use now, and begin to watch."""
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop watching; a version that is being loaded is loaded first."""
        self._stop.set()
        self._thread.join()

    @property
    def fault(self) -> str:
        """Why the version that was put in use last is not, or ""."""
        return self._fault

    def take(self) -> GalleryChange | None:
        """Return what was taken up since the last call, or None. It never waits for a load."""
        with self._lock:
            ready, self._ready = self._ready, None
            return ready

    def _watch(self) -> None:
        while not self._stop.wait(self._check_s):
            self._look()

    def _look(self) -> None:
        """Load the version in use if `current` was replaced, whatever number is in it."""
        seen = self._signature()
        changed = seen != self._seen or not self._looked
        if not changed and not (self._fault and time.monotonic() >= self._retry_at):
            return
        self._seen, self._looked = seen, True
        try:
            gallery = self._store.load(self._weights)
        except GalleryError as error:
            if str(error) != self._fault:
                log.error("the gallery in use stays as it is: %s", error)
            self._fault = str(error)
            self._retry_at = time.monotonic() + RETRY_S
            return
        self._fault = ""
        with self._lock:
            self._ready = GalleryChange(gallery)

    def _signature(self) -> tuple[int, int] | None:
        """Return what tells one `current` from the next: every change of it is another file."""
        try:
            found = (self._store.folder / "current").stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns
