import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import DetectConfig
from streamer.vision.align import (
    CROP_POINTS,
    MEAN_SHAPE,
    OPENFACE_POINTS,
    similarity_transform,
)
from streamer.vision.boxes import Box
from streamer.vision.crop import CROP_ENLARGE, cut_crop
from streamer.vision.detect import HaarDetector, non_maximum_suppression
from streamer.vision.faces import FaceDetector, crop_face, realign_crop
from streamer.vision.landmarks import LandmarkFinder


class Boxes(HaarDetector):
    """A cascade that sees what a test wants it to see, where there is nothing."""

    def __init__(self, *boxes: Box) -> None:
        super().__init__()
        self._boxes = list(boxes)

    def detect(self, image_bgr: NDArray[np.uint8], near: list[Box] | None = None) -> list[Box]:
        return [*super().detect(image_bgr, near), *self._boxes]


def test_the_cascade_and_the_landmarks_agree_on_a_portrait(collins: NDArray[np.uint8]) -> None:
    detector = FaceDetector.of(DetectConfig(detect_width=0))
    (face,) = detector.detect(collins)
    assert detector.not_faces == 0
    x, y, width, height = face.box
    assert (face.landmarks.points > (x, y)).all()
    assert (face.landmarks.points < (x + width, y + height)).all()
    assert abs(face.pose.yaw) < 30


def test_a_level_crop_has_the_eyes_level_and_at_their_places(collins: NDArray[np.uint8]) -> None:
    turn = cv2.getRotationMatrix2D((120.0, 120.0), 14.0, 1.0)
    tilted = np.asarray(cv2.warpAffine(collins, turn, (240, 240)), np.uint8)
    detector = FaceDetector(HaarDetector(), 0.5)
    (face,) = detector.detect(tilted)
    assert abs(face.pose.roll) > 7
    assert (crop_face(tilted, face, "square") == cut_crop(tilted, face.box)).all()
    level = crop_face(tilted, face, "level")
    assert level.shape == (96, 96, 3)
    side = 96 / CROP_ENLARGE
    box = Box(48 - side / 2, 48 - side / 2, side, side)
    (again,) = LandmarkFinder().find(np.ascontiguousarray(level[:, :, ::-1]), [box])
    assert np.abs(again.points - CROP_POINTS).max() < 5


def test_a_crop_for_openface_has_the_landmarks_where_openface_puts_them(
    collins: NDArray[np.uint8],
) -> None:
    (face,) = FaceDetector(HaarDetector(), 0.5).detect(collins)
    crop = crop_face(collins, face, "openface")
    around = np.pad(crop[:, :, ::-1], ((48, 48), (48, 48), (0, 0)), mode="edge")
    haar = similarity_transform(MEAN_SHAPE, OPENFACE_POINTS + 48)
    side = float(np.hypot(*haar[:, 0]))
    x, y = haar[:, 2] - side / 2
    (found,) = LandmarkFinder().find(around, [Box(x, y, side, side)])
    assert np.abs(found.points - 48 - OPENFACE_POINTS).max() < 8


def test_a_stored_square_is_levelled_as_the_picture_would_be(collins: NDArray[np.uint8]) -> None:
    (face,) = FaceDetector(HaarDetector(), 0.5).detect(collins)
    square, level = (crop_face(collins, face, alignment) for alignment in ("square", "level"))
    finder = LandmarkFinder()
    made = realign_crop(square, finder, "square", "level")
    inner = slice(20, 76)
    apart = np.abs(made.astype(float) - level)[inner, inner].mean()
    assert apart < np.abs(square.astype(float) - level)[inner, inner].mean()
    assert apart < 12
    assert realign_crop(level, finder, "level", "square") is level
    flat = np.full((96, 96, 3), 90, np.uint8)
    assert realign_crop(flat, finder, "square", "level") is flat


def test_a_box_that_is_no_face_is_thrown_out_and_counted(collins: NDArray[np.uint8]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    picture = np.hstack([np.asarray(np.pad(collins, ((0, 300), (0, 0), (0, 0)))[:300]), noise])
    false = Box(float(collins.shape[1] + 60), 60.0, 120.0, 120.0)
    detector = FaceDetector(Boxes(false), 0.5)
    assert len(detector.detect(picture)) == 1
    assert detector.not_faces == 1
    assert detector.detect(noise) == []


def test_a_confidence_of_nothing_keeps_every_box(collins: NDArray[np.uint8]) -> None:
    flat = np.full((200, 200, 3), 90, np.uint8)
    box = Box(50.0, 50.0, 80.0, 80.0)
    detector = FaceDetector(Boxes(box), 0.0)
    assert [face.box for face in detector.detect(flat)] == [box]
    assert detector.not_faces == 0


def test_a_larger_box_without_a_face_does_not_hide_a_smaller_one_with_it(
    collins: NDArray[np.uint8],
) -> None:
    wide = np.asarray(np.pad(collins, ((0, 0), (0, 200), (0, 0))))
    (face,) = FaceDetector(HaarDetector(), 0.5).detect(wide)
    x, y, side, _ = face.box
    beside = Box(x + 0.3 * side, y - 0.3 * side, 1.3 * side, 1.3 * side)
    assert non_maximum_suppression([face.box, beside]) == [beside]
    (found,) = FaceDetector(Boxes(beside), 0.5).detect(wide)
    assert found.box == face.box
