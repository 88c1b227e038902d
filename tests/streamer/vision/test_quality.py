import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.vision.align import Pose
from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from streamer.vision.detect import HaarDetector
from streamer.vision.faces import FaceDetector
from streamer.vision.quality import MIN_QUALITY, crop_quality, measure_crop, sharpness

FRONTAL = Pose(yaw=0.0, pitch=0.0, roll=0.0)


def test_sharpness_falls_with_blur_and_not_with_light(collins: NDArray[np.uint8]) -> None:
    crop = cut_crop(collins, Box(60, 40, 110, 110))
    dim = (crop * 0.5).astype(np.uint8)
    blurred = np.asarray(cv2.GaussianBlur(crop, (0, 0), 4), np.uint8)
    assert sharpness(np.full((96, 96, 3), 9, np.uint8)) == 0.0
    assert sharpness(blurred) < sharpness(crop) / 10
    assert sharpness(dim) == pytest.approx(sharpness(crop), rel=0.2)


@pytest.mark.parametrize(
    ("face_px", "sharp", "bright", "pose", "expected"),
    [
        (0, 0.0, 0.0, FRONTAL, MIN_QUALITY),
        (96, 0.05, 0.5, FRONTAL, 1.0),
        (500, 9.0, 0.3, FRONTAL, 1.0),
        (48, 0.05, 0.5, FRONTAL, 0.5),
        (96, 0.025, 0.5, FRONTAL, 0.5),
        (96, 0.05, 0.1, FRONTAL, 0.75),
        (96, 0.05, 0.95, FRONTAL, 0.625),
        (20, 0.01, 0.5, FRONTAL, MIN_QUALITY),
        (96, 0.05, 0.5, Pose(yaw=-24, pitch=18, roll=0), 1.0),
        (96, 0.05, 0.5, Pose(yaw=-48, pitch=0, roll=0), 0.6),
        (96, 0.05, 0.5, Pose(yaw=36, pitch=-27, roll=0), 2 / 3),
        (96, 0.05, 0.5, Pose(yaw=0, pitch=0, roll=40), 1.0),
        (96, 0.05, 0.5, Pose(yaw=90, pitch=0, roll=0), MIN_QUALITY),
    ],
)
def test_quality_falls_with_size_blur_light_and_turning(
    face_px: float, sharp: float, bright: float, pose: Pose, expected: float
) -> None:
    assert crop_quality(face_px, sharp, bright, pose) == pytest.approx(expected)


def test_a_measured_crop_is_the_crop_with_its_figures(collins: NDArray[np.uint8]) -> None:
    (face,) = FaceDetector(HaarDetector(), 0.5).detect(collins)
    measured = measure_crop(collins, face, "square")
    assert (measured.crop_rgb == cut_crop(collins, face.box)).all()
    assert measured.face_px == face.box.width
    assert measured.pose == face.pose
    assert measured.sharpness == sharpness(measured.crop_rgb)
    assert measured.brightness == pytest.approx(float(measured.crop_rgb.mean()) / 255)
    assert measured.quality == crop_quality(
        face.box.width, measured.sharpness, measured.brightness, face.pose
    )
