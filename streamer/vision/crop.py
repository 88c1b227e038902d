"""The one crop function: live, at enrolment and in training, so that they cannot drift apart."""

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.constants import CROP_SIZE
from streamer.vision.boxes import Box
from streamer.vision.images import resize_image

CROP_ENLARGE = 1.1
"""The Haar square is enlarged by this factor; the shipped weights were trained with it."""


def cut_crop(
    image_bgr: NDArray[np.uint8],
    box_xywh: Box,
    enlarge: float = CROP_ENLARGE,
    size: int = CROP_SIZE,
) -> NDArray[np.uint8]:
    """Cut the square around a detection and resize it to the network's input.

    Parameters
    ----------
    image_bgr: (height, width, 3) uint8, as OpenCV decodes it.
    box_xywh: the detection in frame pixels; it may reach over the border, where the
        picture's edge pixels are repeated.
    enlarge: factor on the longer side of the box.
    size: side of the result in pixels.

    Returns (size, size, 3) uint8, RGB. Raises ValueError for an empty box.
    """
    x, y, width, height = box_xywh
    if width <= 0 or height <= 0:
        raise ValueError(f"box_xywh must have a positive size. Received: {tuple(box_xywh)}")
    side = max(1, round(max(width, height) * enlarge))
    left = round(x + width / 2 - side / 2)
    top = round(y + height / 2 - side / 2)
    rows, cols = image_bgr.shape[:2]
    pad_left, pad_top = max(0, -left), max(0, -top)
    pad_right, pad_bottom = max(0, left + side - cols), max(0, top + side - rows)
    patch = image_bgr[
        min(max(top, 0), rows - 1) : max(min(top + side, rows), 1),
        min(max(left, 0), cols - 1) : max(min(left + side, cols), 1),
    ]
    if pad_left or pad_top or pad_right or pad_bottom:
        padded = cv2.copyMakeBorder(
            patch, pad_top, pad_bottom, pad_left, pad_right, cv2.BORDER_REPLICATE
        )
        patch = np.asarray(padded[:side, :side], np.uint8)
    return np.ascontiguousarray(resize_image(patch, size, size)[:, :, ::-1])
