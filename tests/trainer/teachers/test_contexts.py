from pathlib import Path

import numpy as np
import pytest

from streamer.vision.align import MEAN_SHAPE, misfit
from streamer.vision.boxes import Box
from trainer.teachers.contexts import CONTEXT_SIZE, SQUARE_SIDE, cut_context, cut_photo

POINTS = MEAN_SHAPE * SQUARE_SIDE + CONTEXT_SIZE / 2 - 0.5


@pytest.mark.parametrize("width", [24, 100, 333, 700])
def test_a_context_is_placed_to_the_fraction_of_a_pixel(width: int) -> None:
    rows, columns = np.mgrid[:1501, :1501]
    image = np.zeros((1501, 1501, 3), np.uint8)
    image[..., 0], image[..., 1] = columns // 6, rows // 6
    box = Box(400.3, 520.6, width, width)
    context = cut_context(image, box).astype(float)
    assert context.shape == (CONTEXT_SIZE, CONTEXT_SIZE, 3)
    around = context[CONTEXT_SIZE // 2 - 8 : CONTEXT_SIZE // 2 + 8, CONTEXT_SIZE // 2 - 8 :][:, :16]
    centre = np.array([box.x + width / 2, box.y + width / 2]) - 0.5
    assert np.abs((around[..., [2, 1]].mean(axis=(0, 1)) + 0.5) * 6 - 0.5 - centre).max() < 4


def test_a_photo_is_cut_around_its_face(portraits: dict[str, Path]) -> None:
    for photo in portraits.values():
        face = cut_photo(photo)
        assert face is not None
        assert face.context_rgb.shape == (CONTEXT_SIZE, CONTEXT_SIZE, 3)
        assert np.abs(face.points - POINTS).mean() < 15
        assert misfit(face.points) < 0.3


def test_what_has_no_face_is_not_cut(folder: Path) -> None:
    import cv2

    grey = np.full((200, 240, 3), 99, np.uint8)
    (folder / "grey.png").write_bytes(cv2.imencode(".png", grey)[1].tobytes())
    (folder / "none.png").write_bytes(b"no picture")
    assert cut_photo(folder / "grey.png") is None
    assert cut_photo(folder / "none.png") is None
