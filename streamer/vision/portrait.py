"""Pictures of people, searched until a face is found: also one that fills the picture, or tilts.

Haar's cascade misses faces that are cut close, and those that are tilted by more than about 15
degrees. So a picture in which the usual search finds nobody is made small, given a border and
turned. That would also see faces where there are none; so what is found has to look like a face
when it is levelled and looked at again, mirrored too, and all looks have to agree on its landmarks.

Live video does not use this: it costs several searches, and a track has other frames.
"""

from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.vision.align import MEAN_SHAPE, align_crop, misfit, similarity_transform
from streamer.vision.boxes import Box
from streamer.vision.detect import HaarDetector, non_maximum_suppression
from streamer.vision.faces import DetectedFace, FaceDetector
from streamer.vision.images import resize_image
from streamer.vision.landmarks import VIEW_ENLARGE, VIEW_SIZE, LandmarkFinder, Landmarks

# border as a share of the longer side, turn in degrees, as cv2 turns
_SEARCHES = ((0.35, 0.0), (0.35, 20.0), (0.35, -20.0), (0.35, 37.0), (0.35, -37.0), (0.8, 0.0))
_LONGEST, _SHORTEST = 200, 120  # px: the face fills much of the picture, so that is enough
_LEAST_SHARE = 0.3  # of the shorter side; smaller faces are for the usual search
_LEAST_CONFIDENCE, _MOST_MISFIT = 0.95, 0.3
_MOST_DISAGREEMENT = 0.12  # root mean square, in eye distances
_WORTH_A_LOOK = 0.3

# A levelled face as it is looked at again: its Haar square in the middle of twice the view.
_SIDE, _SIZE = 2 * VIEW_SIZE / VIEW_ENLARGE, 2 * VIEW_SIZE
_PLACES = MEAN_SHAPE * _SIDE + (_SIZE - 1) / 2
_EYES = float(np.linalg.norm(_PLACES[1] - _PLACES[0]))
_SQUARE = Box((_SIZE - _SIDE) / 2, (_SIZE - _SIDE) / 2, _SIDE, _SIDE)
_MIRRORED = [1, 0, 2, 4, 3]


class _Turned(NamedTuple):
    """A picture made small, bordered, turned; `back` (2, 3) leads to pixels of the original."""

    image_bgr: NDArray[np.uint8]
    back: NDArray[np.float64]
    least_face: int


class PortraitFinder:
    """The search for a face in a picture in which the usual one finds none; one per thread."""

    def __init__(self) -> None:
        self._detectors: dict[int, HaarDetector] = {}

    @cached_property
    def _landmarks(self) -> LandmarkFinder:
        return LandmarkFinder()

    def find(self, image_bgr: NDArray[np.uint8]) -> list[DetectedFace]:
        """Find the faces of a (height, width, 3) uint8 BGR picture, the largest first.

        A face's box is where the Haar square would be. Faces of less than 0.3 of the
        picture's shorter side are not found.
        """
        for share, degrees in _SEARCHES:
            faces = self._search(image_bgr, _turned(image_bgr, share, degrees))
            if faces:
                kept = non_maximum_suppression([face.box for face in faces])
                by_box = {face.box: face for face in faces}
                return [by_box[box] for box in kept]
        return []

    def _search(self, image_bgr: NDArray[np.uint8], turned: _Turned) -> list[DetectedFace]:
        least = turned.least_face
        detector = self._detectors.setdefault(least, HaarDetector(min_face=least))
        boxes = detector.detect(turned.image_bgr)
        found = self._landmarks.find(turned.image_bgr, boxes)
        faces = []
        for at in found:
            if at.confidence >= _WORTH_A_LOOK and np.isfinite(misfit(at.points)):
                sure = self._look_again(image_bgr, _moved(at.points, turned.back))
                if sure is not None:
                    faces.append(DetectedFace(square_of(sure.points), sure))
        return faces

    def _look_again(
        self, image_bgr: NDArray[np.uint8], points: NDArray[np.float64]
    ) -> Landmarks | None:
        """Level a face by its landmarks and find them anew, twice; None if it is not surely one."""
        confidence, apart = 0.0, float("inf")
        for _ in range(2):
            matrix = similarity_transform(points, _PLACES)
            view = align_crop(image_bgr, points, _PLACES, _SIZE)[:, :, ::-1]
            one, mirrored = (
                self._landmarks.find(np.ascontiguousarray(picture), [_SQUARE])[0]
                for picture in (view, view[:, ::-1])
            )
            other = mirrored.points[_MIRRORED]
            other = np.column_stack([_SIZE - 1 - other[:, 0], other[:, 1]])
            mean = (one.points + other) / 2
            before = _moved(points, matrix)
            apart = max(_apart(one.points, other), _apart(mean, before)) / _EYES
            confidence = min(one.confidence, mirrored.confidence)
            points = _moved(mean, np.asarray(cv2.invertAffineTransform(matrix), np.float64))
            if not np.isfinite(misfit(points)):
                return None
        sure = Landmarks(points, confidence).is_face(_LEAST_CONFIDENCE, _MOST_MISFIT)
        return Landmarks(points, confidence) if sure and apart <= _MOST_DISAGREEMENT else None


class PortraitDetector:
    """The usual search, and where that finds nobody, `PortraitFinder`'s; one per thread."""

    def __init__(self, usual: FaceDetector) -> None:
        self._usual, self._finder = usual, PortraitFinder()

    def detect(self, image_bgr: NDArray[np.uint8]) -> list[DetectedFace]:
        """Find the faces of a picture as `FaceDetector.detect` does."""
        return self._usual.detect(image_bgr) or self._finder.find(image_bgr)


def with_border(image_bgr: NDArray[np.uint8], share: float) -> tuple[NDArray[np.uint8], int]:
    """Put a border of its edge pixels around a picture; it, and the border's width in pixels.

    share: of the picture's longer side. The cascade misses faces that fill their picture.
    """
    width = round(share * max(image_bgr.shape[:2]))
    padded = cv2.copyMakeBorder(image_bgr, width, width, width, width, cv2.BORDER_REPLICATE)
    return np.asarray(padded, np.uint8), width


def square_of(points: NDArray[np.float64]) -> Box:
    """Return where the Haar square of a face with these landmarks (5, 2) usually is."""
    matrix = similarity_transform(MEAN_SHAPE, points)
    side = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    return Box(float(matrix[0, 2]) - side / 2, float(matrix[1, 2]) - side / 2, side, side)


def _turned(image_bgr: NDArray[np.uint8], share: float, degrees: float) -> _Turned:
    height, width = image_bgr.shape[:2]
    # A strip is no larger than a square would be, however it is shaped.
    factor = min(1.0, _LONGEST / max(height, width))
    if min(height, width) * factor < _SHORTEST:
        factor = min(_SHORTEST / min(height, width), 2 * _LONGEST / max(height, width))
    columns, rows = max(1, round(width * factor)), max(1, round(height * factor))
    padded, border = with_border(resize_image(image_bgr, columns, rows), share)
    size = padded.shape[1], padded.shape[0]
    turn = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), degrees, 1.0)
    if degrees:
        moved = cv2.warpAffine(padded, turn, size, borderMode=cv2.BORDER_REPLICATE)
        padded = np.asarray(moved, np.uint8)
    scale = np.array([width / columns, height / rows])
    back = cv2.invertAffineTransform(turn)
    # A pixel's centre is at a whole number, so its edge is half a pixel before.
    linear = scale[:, None] * back[:, :2]
    shift = scale * (back[:, 2] - border + 0.5) - 0.5
    least = max(24, round(_LEAST_SHARE * min(columns, rows)))
    return _Turned(padded, np.column_stack([linear, shift]), least)


def _moved(points: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float64)


def _apart(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.square(a - b).sum(axis=1).mean()))
