"""Recordings, frame by frame."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.capture.sources import VideoSource
from streamer.errors import SourceError
from streamer.vision.files import PHOTO_SUFFIXES

_READ_TIMEOUT_MS = 5000


class ClipFacts(NamedTuple):
    """A clip's picture in pixels, its frames a second, and how many (0: it does not say)."""

    width: int
    height: int
    fps: float
    frames: int


def clip_facts(clip: Path) -> ClipFacts:
    """Look at a clip's first frame and its own account. Raises SourceError for what is no clip."""
    for source, image_bgr in frames_of(clip):
        capture = cv2.VideoCapture(str(clip))
        try:
            frames = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        finally:
            capture.release()
        return ClipFacts(image_bgr.shape[1], image_bgr.shape[0], source.fps, frames)
    raise SourceError(f"{clip}: has no frame that can be read")


def frames_of(clip: Path) -> Iterator[tuple[VideoSource, NDArray[np.uint8]]]:
    """Yield every frame of a clip, (height, width, 3) uint8 BGR. Raises SourceError."""
    if not clip.is_file():
        raise SourceError(f"{clip}: no such clip")
    if clip.suffix.lower() in PHOTO_SUFFIXES - {".gif"}:  # OpenCV takes one for a clip of a frame
        raise SourceError(
            f"{clip}: is a picture, and must be a clip. Who is in pictures, says: "
            f"facestream identify-files"
        )
    source = VideoSource(str(clip), live=False, read_timeout_ms=_READ_TIMEOUT_MS)
    try:
        while (picture := source.read()) is not None:
            yield source, picture.image_bgr
    finally:
        source.close()
