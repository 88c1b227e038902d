"""Finding faces with a Haar cascade on a grey, reduced picture."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import DetectConfig
from streamer.constants import DEFAULT_CASCADE
from streamer.errors import ConfigError
from streamer.vision.boxes import Box, iou_matrix
from streamer.vision.reduced import Reduced, reduce_picture

CASCADES = Path(cv2.__file__).parent / "data"
_TRAINED_SIDE_PX = 20  # OpenCV's frontal cascades were trained on 20 x 20 pictures
_PROFILE_CASCADE = "haarcascade_profileface.xml"
_PROFILE_SCALE = 1.3
_FINE_SCALE = 1.15
_NEAR_REACH = 0.4
_NEAR_SCALE = 1.35


class HaarDetector:
    """A cascade with its parameters; one per thread, as OpenCV's classifier keeps state.

    Parameters
    ----------
    cascade: a path with a slash in it, or the name of a file that ships with OpenCV.
    detect_width: the picture is reduced to this width in pixels first; 0 leaves it as it is.
    scale_factor, neighbours: as in `cv2.CascadeClassifier.detectMultiScale`.
    min_face: smallest face, in pixels of the frame (not of the reduced picture).
    mirrored: look for the mirror images of what the cascade knows, as for the other profile.

    Raises ConfigError where the cascade cannot be loaded.
    """

    def __init__(
        self,
        cascade: str = DEFAULT_CASCADE,
        detect_width: int = 0,
        scale_factor: float = 1.1,
        neighbours: int = 3,
        min_face: int = 24,
        mirrored: bool = False,
    ) -> None:
        path = Path(cascade) if "/" in cascade else CASCADES / cascade
        if not path.is_file():
            raise ConfigError(
                f"cascade must be a file or the name of one that ships with OpenCV. "
                f"Received: {cascade!r}"
            )
        try:
            self._classifier = cv2.CascadeClassifier(str(path))
        except (cv2.error, SystemError):
            self._classifier = cv2.CascadeClassifier()
        if self._classifier.empty():
            raise ConfigError(f"cascade {cascade!r} must be an OpenCV cascade. It cannot be read")
        self._detect_width = detect_width
        self._scale_factor = scale_factor
        self._neighbours = neighbours
        self._min_face = min_face
        self._mirrored = mirrored

    @classmethod
    def of(cls, config: DetectConfig) -> "HaarDetector":
        """Build the detector of a `[detect]` section. Raises ConfigError."""
        return cls(
            config.cascade,
            config.detect_width,
            config.scale_factor,
            config.neighbours,
            config.min_face,
        )

    @classmethod
    def frontal_of(cls, config: DetectConfig) -> "list[HaarDetector]":
        """Build the detectors for searches that come again and again, to be used in turn.

        Raises ConfigError. The second is finer, so that a face that stands still is not missed
        the same way every time. Where the landmarks network judges what they find, the first takes
        one neighbour fewer: on 143 pictures of clips, a scale factor of 1.25 with 2 found 34 % of
        the faces of a reference detector, 1.15 with 3 found 37 % for 1.7 times the time, both
        together about 40 %, and neither left a false one.
        """
        fine = config.model_copy(update={"scale_factor": min(_FINE_SCALE, config.scale_factor)})
        if config.min_confidence > 0 and config.search_interval_ms > 0:
            config = config.model_copy(update={"neighbours": max(1, config.neighbours - 1)})
        return [cls.of(config), cls.of(fine)]

    @classmethod
    def profiles_of(cls, config: DetectConfig) -> "list[HaarDetector]":
        """Build the detectors of heads that look aside, to either side; coarse, as they cost more.

        On the same pictures they added 8 and 16 % of the faces, and no false one.
        """
        neighbours = max(1, config.neighbours - 1) if config.min_confidence > 0 else 3
        coarse = max(_PROFILE_SCALE, config.scale_factor)
        return [
            cls(
                _PROFILE_CASCADE, config.detect_width, coarse, neighbours, config.min_face, mirrored
            )
            for mirrored in (False, True)
        ]

    def detect(self, image_bgr: NDArray[np.uint8], near: list[Box] | None = None) -> list[Box]:
        """Squares around the faces of a (height, width, 3) uint8 BGR picture, in its pixels.

        With `near`, it looks only around these boxes for faces of about their size, which costs
        a small part of a search through the whole picture.
        """
        return self.search(reduce_picture(image_bgr, self._detect_width), near)

    def search(self, picture: Reduced, near: list[Box] | None = None) -> list[Box]:
        """As `detect`, in a picture that is reduced already; boxes are in pixels of the frame."""
        factor = picture.factor
        if near is None:
            found = self.search_region(picture, picture.whole)
        else:
            grey = picture.grey
            found = [box for known in near for box in self._search_near(grey, known.scaled(factor))]
            found = non_maximum_suppression(found)
        return [box.scaled(1 / factor) for box in found]

    def search_region(self, picture: Reduced, region: Box) -> list[Box]:
        """Search a rectangle of a reduced picture; all in the reduced picture's pixels."""
        smallest = max(_TRAINED_SIDE_PX, round(self._min_face * picture.factor))
        left, top, width, height = region.rounded()
        if min(width, height) < smallest:
            return []
        return self._search(
            picture.grey[top : top + height, left : left + width], left, top, smallest, 0
        )

    def _search_near(self, grey: NDArray[np.uint8], known: Box) -> list[Box]:
        reach = _NEAR_REACH * known.width
        left, top = max(0, round(known.x - reach)), max(0, round(known.y - reach))
        right = min(grey.shape[1], round(known.x + known.width + reach))
        bottom = min(grey.shape[0], round(known.y + known.height + reach))
        smallest = max(_TRAINED_SIDE_PX, round(known.width / _NEAR_SCALE))
        if right - left < smallest or bottom - top < smallest:
            return []
        region = grey[top:bottom, left:right]
        return self._search(region, left, top, smallest, round(known.width * _NEAR_SCALE) + 1)

    def _search(
        self, grey: NDArray[np.uint8], left: int, top: int, smallest: int, greatest: int
    ) -> list[Box]:
        width = grey.shape[1]
        found = self._classifier.detectMultiScale(
            np.ascontiguousarray(grey[:, ::-1]) if self._mirrored else grey,
            self._scale_factor,
            self._neighbours,
            minSize=(smallest, smallest),
            maxSize=(greatest, greatest),
        )
        if self._mirrored:
            found = [(width - x - w, y, w, h) for x, y, w, h in found]
        return [Box(float(x + left), float(y + top), float(w), float(h)) for x, y, w, h in found]


class FallbackDetector:
    """For photos that are known to show a face: looser searches where the usual one finds none.

    On 6,118 LFW pictures the usual search misses 41, and these together 3 or 4. They would see
    faces in pictures that have none, so enrolment and live video do not use them.
    """

    _TILTS_DEGREES = (15.0, -15.0)

    def __init__(self) -> None:
        self._usual = HaarDetector()
        self._fine = HaarDetector(scale_factor=1.05, neighbours=2)
        self._finest = HaarDetector(scale_factor=1.05, neighbours=1)
        self._other = HaarDetector("haarcascade_frontalface_default.xml", neighbours=4)

    def detect(self, image_bgr: NDArray[np.uint8]) -> list[Box]:
        """As `HaarDetector.detect`, over the whole picture."""
        return next(filter(None, self.searches(image_bgr)), [])

    def searches(self, image_bgr: NDArray[np.uint8]) -> Iterator[list[Box]]:
        """Yield what each search finds, the strictest first, each as it is asked for."""
        yield self._usual.detect(image_bgr)
        yield self._fine.detect(image_bgr)
        yield self._finest.detect(_equalised(image_bgr))
        yield self._other.detect(image_bgr)
        yield [box for tilt in self._TILTS_DEGREES for box in self._tilted(image_bgr, tilt)]

    def _tilted(self, image_bgr: NDArray[np.uint8], degrees: float) -> list[Box]:
        height, width = image_bgr.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        turned = cv2.warpAffine(image_bgr, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        back = cv2.invertAffineTransform(turn)
        found = []
        for x, y, side, _ in self._usual.detect(np.asarray(turned, np.uint8)):
            centre_x, centre_y = back @ np.array([x + side / 2, y + side / 2, 1.0])
            found.append(Box(centre_x - side / 2, centre_y - side / 2, side, side))
        return found


def _equalised(image_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = cv2.equalizeHist(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY))
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


def non_maximum_suppression(boxes: list[Box]) -> list[Box]:
    """Return the boxes, largest first, without those that a larger one overlaps by a third."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: -box.width * box.height):
        if not kept or iou_matrix(np.array([box]), np.array(kept)).max() < 1 / 3:
            kept.append(box)
    return kept


def largest(boxes: list[Box]) -> Box | None:
    """Return the box with the largest area, or None if there are no boxes."""
    return max(boxes, key=lambda box: box.width * box.height, default=None)
