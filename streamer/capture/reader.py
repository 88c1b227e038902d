"""A thread that reads a source and keeps only the newest frame."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.capture.sources import Pacer, Source
from streamer.errors import FacestreamError
from streamer.wire.timestamps import NS_PER_MS, Timestamp, timestamp_now


@dataclass(frozen=True)
class Frame:
    """A whole captured image with its place and time.

    image_bgr: (height, width, 3) uint8. media_ms: time within the recording, or of the
    monotonic clock for a live source; it orders and spaces frames, and is no time of day.
    cut: it does not continue the frame before it.
    """

    sequence: int
    image_bgr: NDArray[np.uint8]
    captured: Timestamp
    media_ms: float
    cut: bool = False


class Reader:
    """Opens and reads a source in a thread of its own until it ends, breaks, or `close()`.

    With `lossless` the thread waits until each frame is taken; otherwise a newer frame takes
    the place of one that nobody took, and `superseded` counts it. A live source is never
    waited for. `fault` says what is wrong with the source; `take` raises a fault of the program.
    """

    def __init__(self, opener: Callable[[], Source], first_sequence: int, lossless: bool) -> None:
        self._opener = opener
        self._lossless = lossless
        self._sequence = first_sequence
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._closing = False
        self._pacer: Pacer | None = None
        self.ended = False
        self.live = True
        self.read_frames = 0
        self.superseded = 0
        self.last_read = time.monotonic()
        self.fault = ""
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)
        self._thread.start()

    @property
    def next_sequence(self) -> int:
        """The number of the first frame that the next reader reads."""
        return self._sequence

    def take(self, timeout_s: float) -> Frame | None:
        """Return the newest frame, if one comes in time. Raises what ended the thread."""
        with self._changed:
            if self._newest is None and not self.ended:
                self._changed.wait(timeout_s)
            frame, self._newest = self._newest, None
            if frame is not None:
                self._changed.notify_all()
            elif self._failure is not None:
                raise self._failure
            return frame

    def counts(self) -> tuple[int, int, int]:
        """Count frames read, superseded, and waiting to be taken, all at one moment."""
        with self._changed:
            return self.read_frames, self.superseded, int(self._newest is not None)

    def close(self, timeout_s: float = 1.0) -> None:
        """Ask the thread to stop; one that is stuck in a dead camera is left to its time-out."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            source = self._opener()
            try:
                self.live = source.live
                self._lossless = self._lossless and not source.live
                if not source.live and not self._lossless:
                    self._pacer = Pacer(source.fps)
                while not self._closing and self._read_one(source):
                    pass
            finally:
                source.close()
        except (FacestreamError, cv2.error, OSError) as error:
            self.fault = str(error)
        except Exception as error:  # noqa: BLE001 - raised by take(), in the thread that is watched
            self._failure = error
        finally:
            with self._changed:
                self.ended = True
                self._changed.notify_all()

    def _read_one(self, source: Source) -> bool:
        picture = source.read()
        if picture is None:
            return False
        if self._pacer is not None:
            self._pacer.wait()
        captured = timestamp_now()
        media_ms = picture.media_ms
        if media_ms is None:
            media_ms = captured.monotonic_ns / NS_PER_MS
        with self._changed:
            if self._closing:
                return False
            # Whoever takes this frame has not seen one that it takes the place of.
            cut = picture.cut or (self._newest is not None and self._newest.cut)
            frame = Frame(self._sequence, picture.image_bgr, captured, media_ms, cut)
            self._sequence += 1
            self.read_frames += 1
            self.last_read = time.monotonic()
            self.superseded += int(self._newest is not None)
            self._newest = frame
            self._changed.notify_all()
            while self._lossless and self._newest is not None and not self._closing:
                self._changed.wait(0.5)
        return True
