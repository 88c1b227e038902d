"""`facestream record` and `snapshot`: annotated pictures from a running pipeline to a file."""

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.client.subscriber import Subscriber
from streamer.errors import ConfigError, SourceError
from streamer.files import SHARED_MODE, replacing, write_file
from streamer.vision.images import decode_image, encode_image, resize_image
from streamer.wire.messages import FrameEvent

_FOURCC = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}
_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def check_clip_path(path: Path) -> None:
    """Raise ConfigError for a name that no clip can be written under."""
    _check(path, tuple(_FOURCC))


def check_picture_path(path: Path) -> None:
    """Raise ConfigError for a name that no picture can be written under."""
    _check(path, _PICTURES)


def snapshot(subscriber: Subscriber, path: Path, timeout_s: float) -> FrameEvent:
    """Write the next annotated picture. Raises SourceError if none comes in time."""
    event, image = _next_picture(subscriber, timeout_s)
    write_file(path, encode_image(image, path.suffix.lower(), quality=95), SHARED_MODE)
    return event


def record(
    subscriber: Subscriber,
    path: Path,
    *,
    seconds: float,
    fps: float,
    timeout_s: float,
    on_progress: Callable[[float], None] = lambda seconds: None,
) -> int:
    """Write annotated pictures for some time at a steady rate; return how many came.

    A clip has one rate and the pictures come as they come, so the newest is repeated or
    skipped to keep the clip's time true. Raises SourceError if none comes in time.
    """
    _, image = _next_picture(subscriber, timeout_s)
    height, width = image.shape[:2]
    fourcc = cv2.VideoWriter.fourcc(*_FOURCC[path.suffix.lower()])
    with replacing(path) as partial:
        writer = cv2.VideoWriter(str(partial), fourcc, fps, (width, height))
        if not writer.isOpened():
            raise ConfigError(f"{path}: this OpenCV cannot write {path.suffix}")
        try:
            return _write(
                subscriber, writer, image=image, seconds=seconds, fps=fps, on_progress=on_progress
            )
        finally:
            writer.release()


def _write(
    subscriber: Subscriber,
    writer: cv2.VideoWriter,
    *,
    image: NDArray[np.uint8],
    seconds: float,
    fps: float,
    on_progress: Callable[[float], None],
) -> int:
    height, width = image.shape[:2]
    began = time.monotonic()
    came, written = 1, 0
    while written < seconds * fps:
        until_due = began + written / fps - time.monotonic()
        received = subscriber.receive(max(0.0, until_due))
        if received is not None and isinstance(received[0], FrameEvent):
            newer = decode_image(received[1])
            if newer is not None:
                came += 1
                same = newer.shape[:2] == (height, width)
                image = newer if same else resize_image(newer, width, height)
        while written < seconds * fps and time.monotonic() >= began + written / fps:
            writer.write(image)
            written += 1
            on_progress(written / fps)
    return came


def _next_picture(subscriber: Subscriber, timeout_s: float) -> tuple[FrameEvent, NDArray[np.uint8]]:
    until = time.monotonic() + timeout_s
    while (left := until - time.monotonic()) > 0:
        received = subscriber.receive(left)
        if received is not None and isinstance(received[0], FrameEvent):
            image = decode_image(received[1])
            if image is not None:
                return received[0], image
    raise SourceError(
        f"no picture came within {timeout_s:g} s; is `facestream run` running, and the camera on?"
    )


def _check(path: Path, suffixes: tuple[str, ...]) -> None:
    if path.suffix.lower() not in suffixes:
        raise ConfigError(f"{path}: its name must end in one of {', '.join(suffixes)}")
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: the folder {path.parent} must exist")
