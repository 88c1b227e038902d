"""Faces cut out of photos with what is around them: a context crop and its five landmarks.

The context crop is the Haar square, 1.6 times as wide, at 160 x 160: enough to turn, to shift
and to level a face in it, and for teachers that look at more than the student does.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.vision.align import align_crop
from streamer.vision.boxes import Box
from streamer.vision.detect import HaarDetector, largest
from streamer.vision.files import read_image
from streamer.vision.images import resize_image
from streamer.vision.landmarks import LandmarkFinder
from streamer.vision.portrait import with_border

CONTEXT_ENLARGE = 1.6
CONTEXT_SIZE = 160
SQUARE_SIDE = CONTEXT_SIZE / CONTEXT_ENLARGE
"""The Haar square's side in a context crop, in pixels; it lies in the middle."""

_LARGEST_PHOTO = 400
_PAD_SHARE = 0.1
_SMALLEST_SHARE = 0.15
_MIN_FACE_STEP = 8
_CORNERS = np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)])


class FaceContext(NamedTuple):
    """context_rgb (160, 160, 3) uint8; points (5, 2) in pixels of it."""

    context_rgb: NDArray[np.uint8]
    points: NDArray[np.float64]


def cut_photo(path: Path) -> FaceContext | None:
    """Cut a photo's largest face; None for no picture, or no face by cascade and landmarks."""
    found = find_face(path)
    if found is None:
        return None
    context_rgb = cut_context(*found)
    (landmarks,) = _finder().find(np.ascontiguousarray(context_rgb[:, :, ::-1]), [square()])
    return FaceContext(context_rgb, landmarks.points) if landmarks.is_face() else None


def read_photo(photo: Path) -> NDArray[np.uint8] | None:
    """Read a photo (BGR), reduced to at most 400 pixels; None if it is no picture."""
    image = read_image(photo)
    if image is None or max(image.shape[:2]) <= _LARGEST_PHOTO:
        return image
    height, width = image.shape[:2]
    factor = _LARGEST_PHOTO / max(height, width)
    return resize_image(image, max(1, round(width * factor)), max(1, round(height * factor)))


def find_face(photo: Path) -> tuple[NDArray[np.uint8], Box] | None:
    """Return a photo as `read_photo` does, with a margin, and the box of its largest face.

    Faces of less than 15 % of the photo's shorter side are not looked for. None if there is no
    face or no picture.
    """
    image = read_photo(photo)
    if image is None:
        return None
    image, _ = with_border(image, _PAD_SHARE)
    smallest = round(min(image.shape[:2]) * _SMALLEST_SHARE) // _MIN_FACE_STEP * _MIN_FACE_STEP
    box = largest(_detector(max(24, smallest)).detect(image))
    return None if box is None else (image, box)


def cut_context(image_bgr: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Cut the square around a detection, enlarged: (160, 160, 3) uint8 RGB, placed exactly."""
    side = max(box.width, box.height) * CONTEXT_ENLARGE
    first = np.array([box.x + (box.width - side) / 2, box.y + (box.height - side) / 2])
    # A pixel's centre is at a whole number, so its edge is half a pixel before.
    corners, places = first + side * _CORNERS - 0.5, CONTEXT_SIZE * _CORNERS - 0.5
    return align_crop(image_bgr, corners, places, CONTEXT_SIZE)


def square() -> Box:
    """Return the Haar square in a context crop."""
    low = (CONTEXT_SIZE - SQUARE_SIDE) / 2
    return Box(low, low, SQUARE_SIDE, SQUARE_SIDE)


# One of each in a process: they are for one thread, and take longer to load than to use.
@cache
def _finder() -> LandmarkFinder:
    return LandmarkFinder()


@cache
def _detector(min_face: int) -> HaarDetector:
    return HaarDetector(min_face=min_face)
