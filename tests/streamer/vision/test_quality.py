import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from streamer.vision.quality import MIN_QUALITY, crop_quality, measure_crop, sharpness


def test_sharpness_falls_with_blur_and_not_with_light(collins: NDArray[np.uint8]) -> None:
    crop = cut_crop(collins, Box(60, 40, 110, 110))
    dim = (crop * 0.5).astype(np.uint8)
    blurred = np.asarray(cv2.GaussianBlur(crop, (0, 0), 4), np.uint8)
    assert sharpness(np.full((96, 96, 3), 9, np.uint8)) == 0.0
    assert sharpness(blurred) < sharpness(crop) / 10
    assert sharpness(dim) == pytest.approx(sharpness(crop), rel=0.2)


@pytest.mark.parametrize(
    ("face_px", "sharp", "bright", "expected"),
    [
        (0, 0.0, 0.0, MIN_QUALITY),
        (96, 0.05, 0.5, 1.0),
        (500, 9.0, 0.3, 1.0),
        (48, 0.05, 0.5, 0.5),
        (96, 0.025, 0.5, 0.5),
        (96, 0.05, 0.1, 0.75),
        (96, 0.05, 0.95, 0.625),
        (20, 0.01, 0.5, MIN_QUALITY),
    ],
)
def test_quality_falls_with_size_blur_and_light(
    face_px: float, sharp: float, bright: float, expected: float
) -> None:
    assert crop_quality(face_px, sharp, bright) == pytest.approx(expected)


def test_a_measured_crop_is_the_crop_with_its_figures(collins: NDArray[np.uint8]) -> None:
    box = Box(60, 40, 110, 110)
    measured = measure_crop(collins, box)
    assert (measured.crop_rgb == cut_crop(collins, box)).all()
    assert measured.face_px == 110
    assert measured.sharpness == sharpness(measured.crop_rgb)
    assert measured.brightness == pytest.approx(float(measured.crop_rgb.mean()) / 255)
    assert measured.quality == crop_quality(110, measured.sharpness, measured.brightness)
