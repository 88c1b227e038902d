"""Where frames come from: a webcam, a stream, a video file, a folder of pictures, or the demo."""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.errors import SourceError
from streamer.runtime.redact import redact
from streamer.vision.files import PHOTO_SUFFIXES, read_image

OPEN_TIMEOUT_MS = 10_000
PICTURES_FPS = 5.0
PICTURE_FRAMES = 5
_URL = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True)
class Picture:
    """A frame as a source gives it; `media_ms` is its place in the recording, if there is one.

    `cut`: it does not continue the one before it, so nobody in it is on a track yet.
    """

    image_bgr: NDArray[np.uint8]
    media_ms: float | None
    cut: bool = False


class Source(Protocol):
    """An open source. `live`: it does not wait for us, and its end is a fault."""

    live: bool
    fps: float

    def read(self) -> Picture | None:
        """Return the next frame, or None at the end or when the stream broke. May block."""
        ...

    def close(self) -> None: ...


def is_live(source: str | int) -> bool:
    """Return whether this is a webcam or a URL of a stream: a source that should never end."""
    if isinstance(source, int) or source.startswith("/dev/video"):
        return True
    return bool(_URL.match(source)) and not _is_file_url(source)


def recording_path(source: str, base: Path) -> Path:
    """Return where a recording or a folder of pictures is; relative paths are below `base`."""
    if _is_file_url(source):
        return Path(unquote(urlsplit(source).path))
    return base / source


def _is_file_url(source: str) -> bool:
    return source.lower().startswith("file://")


def open_source(
    source: str | int, base: Path, read_timeout_ms: int = 5000, loop: bool = False
) -> Source:
    """Open a source; relative paths are below `base`. Raises SourceError."""
    if isinstance(source, int) or is_live(source):
        return VideoSource(source, live=True, read_timeout_ms=read_timeout_ms)
    path = recording_path(source, base)
    if path.is_dir():
        return FolderSource(path, loop)
    if path.is_file():
        return VideoSource(str(path), live=False, read_timeout_ms=read_timeout_ms, loop=loop)
    raise SourceError(f"{path}: no such file, folder, device or URL")


class VideoSource:
    """A source that `cv2.VideoCapture` can open."""

    def __init__(
        self, source: str | int, live: bool, read_timeout_ms: int, loop: bool = False
    ) -> None:
        self.live = live
        self._loop = loop
        self._count = 0
        if isinstance(source, str) and source.startswith("/dev/video"):
            if not Path(source).exists():
                raise SourceError(f"{source}: no such device; is the webcam plugged in?")
            source = source if not source[10:].isdigit() else int(source[10:])
        if isinstance(source, int):
            self._capture = cv2.VideoCapture(source)
        else:
            self._capture = cv2.VideoCapture(
                source,
                cv2.CAP_FFMPEG,
                [
                    cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                    OPEN_TIMEOUT_MS,
                    cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                    read_timeout_ms,
                ],
            )
        if not self._capture.isOpened():
            raise SourceError(f"{redact(str(source))}: cannot be opened as video")
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0.1 <= fps <= 1000 else 30.0

    def read(self) -> Picture | None:
        good, image = self._capture.read()
        again = not good and self._loop and self._count > 0
        if again:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            good, image = self._capture.read()
        if not good:
            return None
        if image.ndim == 2:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        self._count += 1
        media_ms = None if self.live else (self._count - 1) * 1000 / self.fps
        return Picture(np.asarray(image, np.uint8), media_ms, again)

    def close(self) -> None:
        self._capture.release()


class FolderSource:
    """The pictures of a folder by name, each shown for a second: a scene of its own.

    With `loop` the folder is read again at its end, for as long as it has a picture.
    """

    live = False
    fps = PICTURES_FPS

    def __init__(self, folder: Path, loop: bool = False) -> None:
        self._folder = folder
        self._loop = loop
        self._paths = iter(self._pictures())
        self._image: NDArray[np.uint8] | None = None
        self._count = 0

    def read(self) -> Picture | None:
        cut = self._count % PICTURE_FRAMES == 0
        if cut:
            self._image = self._next_image()
            if self._image is None and self._loop and self._count:
                self._paths = iter(self._pictures())
                self._image = self._next_image()
        if self._image is None:
            return None
        self._count += 1
        return Picture(self._image, (self._count - 1) * 1000 / self.fps, cut)

    def close(self) -> None:
        self._paths = iter(())

    def _pictures(self) -> list[Path]:
        suffixes = PHOTO_SUFFIXES
        paths = [path for path in self._folder.iterdir() if path.suffix.lower() in suffixes]
        if not paths:
            raise SourceError(f"{self._folder}: has no picture ({', '.join(sorted(suffixes))})")
        return sorted(paths)

    def _next_image(self) -> NDArray[np.uint8] | None:
        pictures = (read_image(path) for path in self._paths)
        return next((image for image in pictures if image is not None), None)


class Pacer:
    """Holds a recording to its own speed; after a pause it does not catch up in a burst."""

    def __init__(self, fps: float) -> None:
        self._period_s = 1.0 / fps
        self._due = time.monotonic()

    def wait(self) -> None:
        """Sleep until the next frame is due."""
        self._due = max(self._due + self._period_s, time.monotonic() - self._period_s)
        delay = self._due - time.monotonic()
        if delay > 0:
            time.sleep(delay)
