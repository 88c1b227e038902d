"""Faces in a picture: what Haar takes for one, and the landmarks network, too."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import DetectConfig
from streamer.vision.align import PLACES, Alignment, Pose, align_crop, pose_of
from streamer.vision.boxes import Box
from streamer.vision.crop import CROP_ENLARGE, cut_crop
from streamer.vision.detect import HaarDetector, non_maximum_suppression
from streamer.vision.landmarks import LandmarkFinder, Landmarks


class DetectedFace(NamedTuple):
    """A face: its Haar square and its landmarks, in pixels of the picture."""

    box: Box
    landmarks: Landmarks

    @property
    def pose(self) -> Pose:
        """Which way the head is turned, in degrees."""
        return pose_of(self.landmarks.points)


def crop_face(
    image_bgr: NDArray[np.uint8], face: DetectedFace, alignment: Alignment
) -> NDArray[np.uint8]:
    """Cut the network's input out of a picture: (96, 96, 3) uint8, RGB.

    The one way to do it: live, at enrolment, in files and for tests of a network.
    """
    if alignment == "square":
        return cut_crop(image_bgr, face.box)
    return align_crop(image_bgr, face.landmarks.points, PLACES[alignment])


def realign_crop(
    crop_rgb: NDArray[np.uint8], finder: LandmarkFinder, made: Alignment, wanted: Alignment
) -> NDArray[np.uint8]:
    """Make a crop that is all there is of a picture into one of another alignment.

    It is aligned by what is found in it, unless that is no face. An aligned one is as good a
    square as the picture's own.
    """
    if wanted in (made, "square"):
        return crop_rgb
    side = len(crop_rgb) / CROP_ENLARGE
    first = (len(crop_rgb) - side) / 2
    crop_bgr = np.ascontiguousarray(crop_rgb[:, :, ::-1])
    (landmarks,) = finder.find(crop_bgr, [Box(first, first, side, side)])
    return (
        align_crop(crop_bgr, landmarks.points, PLACES[wanted]) if landmarks.is_face() else crop_rgb
    )


class FaceDetector:
    """Haar's boxes, less those that are no faces; one per thread, as its parts keep state.

    Parameters
    ----------
    detector: finds boxes.
    min_confidence: boxes that the landmarks network gives less, or whose points do not lie as a
        face's do, are no faces; 0 keeps every box.
    """

    def __init__(self, detector: HaarDetector, min_confidence: float) -> None:
        self.haar = detector
        self.finder = LandmarkFinder()
        self._min_confidence = min_confidence
        self.not_faces = 0
        """Boxes of the last picture that were no faces."""

    @classmethod
    def of(cls, config: DetectConfig) -> "FaceDetector":
        """Build the detector of a `[detect]` section for one careful look. Raises ConfigError."""
        _, fine = HaarDetector.frontal_of(config)
        return cls(fine, config.min_confidence)

    def detect(
        self, image_bgr: NDArray[np.uint8], near: list[Box] | None = None
    ) -> list[DetectedFace]:
        """Find the faces of a (height, width, 3) uint8 BGR picture, the largest first.

        With `near`, it looks only around these boxes. Of boxes that overlap by a third, the
        largest that is a face stays.
        """
        return self.judge(image_bgr, self.haar.detect(image_bgr, near))

    def judge(self, image_bgr: NDArray[np.uint8], boxes: list[Box]) -> list[DetectedFace]:
        """Return the faces among boxes, the largest first; of those that overlap, one stays."""
        found = dict(zip(boxes, self.finder.find(image_bgr, boxes), strict=True))
        if self._min_confidence > 0:
            found = {box: at for box, at in found.items() if at.is_face(self._min_confidence)}
        self.not_faces = len(boxes) - len(found)
        return [DetectedFace(box, found[box]) for box in non_maximum_suppression(list(found))]
