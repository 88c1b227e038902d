import numpy as np
import pytest

from streamer.vision.boxes import Box
from streamer.vision.crop import CROP_ENLARGE, cut_crop


def test_the_crop_is_rgb_of_the_square_around_the_box() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    image[40:140, 100:200] = (10, 20, 30)  # BGR
    side = 100 / CROP_ENLARGE
    crop = cut_crop(image, Box(150 - side / 2, 90 - side / 2, side, side))
    assert crop.shape == (96, 96, 3)
    assert crop.dtype == np.uint8
    assert (crop[4:-4, 4:-4] == (30, 20, 10)).all()


@pytest.mark.parametrize(
    "box",
    [
        Box(-40, -40, 80, 80),
        Box(260, 160, 80, 80),
        Box(-500, 10, 40, 40),
        Box(10, 900, 40, 40),
        Box(0, 0, 300, 200),
        Box(149, 99, 1, 1),
    ],
)
def test_over_the_border_the_edge_is_repeated(box: Box) -> None:
    image = np.full((200, 300, 3), 77, np.uint8)
    crop = cut_crop(image, box)
    assert crop.shape == (96, 96, 3)
    assert (crop == 77).all()


@pytest.mark.parametrize("box", [Box(0, 0, 0, 10), Box(5, 5, 10, -1)])
def test_an_empty_box_is_refused(box: Box) -> None:
    with pytest.raises(ValueError, match="positive size"):
        cut_crop(np.zeros((10, 10, 3), np.uint8), box)
