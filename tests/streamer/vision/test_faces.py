import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import DetectConfig
from streamer.vision.boxes import Box
from streamer.vision.detect import HaarDetector, non_maximum_suppression
from streamer.vision.faces import FaceDetector


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
