"""Faces in pictures on disk, for work on files: where they are, and their crops."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import DetectConfig
from streamer.errors import PictureError
from streamer.vision.align import Alignment
from streamer.vision.boxes import Box
from streamer.vision.detect import HaarDetector
from streamer.vision.faces import FaceDetector, crop_face
from streamer.vision.files import read_picture
from streamer.vision.portrait import PortraitDetector

_FINE_SCALE = 1.1
_MIN_FACE_PX = 24


@dataclass(frozen=True)
class FoundFace:
    """A face in a picture: crop_rgb (96, 96, 3) uint8, box in pixels of the picture."""

    path: Path
    box: Box
    crop_rgb: NDArray[np.uint8]


def picture_detector(detect: DetectConfig) -> PortraitDetector:
    """Build the detector for single pictures: finer searches than live video can afford."""
    haar = HaarDetector(detect.cascade, 0, _FINE_SCALE, detect.neighbours, _MIN_FACE_PX)
    return PortraitDetector(FaceDetector(haar, detect.min_confidence))


def faces_in(
    path: Path, detector: PortraitDetector, alignment: Alignment
) -> tuple[NDArray[np.uint8], list[FoundFace]]:
    """Read a picture (BGR) and its faces, largest first. Raises PictureError."""
    try:
        image = read_picture(path)
    except PictureError as error:
        raise PictureError(f"{path}: {error}") from error
    found = detector.detect(image)
    return image, [FoundFace(path, face.box, crop_face(image, face, alignment)) for face in found]


def faces_of_all(
    paths: Sequence[Path], detector: PortraitDetector, alignment: Alignment
) -> Iterator[tuple[Path, list[FoundFace], str]]:
    """Each picture with its faces, and why there are none, or ""."""
    for path in paths:
        try:
            _, faces = faces_in(path, detector, alignment)
        except PictureError as error:
            yield path, [], str(error).removeprefix(f"{path}: ")
        else:
            yield path, faces, "" if faces else "no face was found"
