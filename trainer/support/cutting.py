"""Crops for a network, cut as its weights file says."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from streamer.vision.align import Alignment
from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from streamer.vision.faces import DetectedFace, crop_face
from streamer.vision.landmarks import LandmarkFinder

Cutter = Callable[[NDArray[np.uint8], Box], NDArray[np.uint8] | None]
"""From a picture (BGR) and the square of a face to its crop (96, 96, 3), RGB; None for no face."""


def cutter_for(alignment: Alignment) -> Cutter:
    """Return the cutter, for one thread: levelled, what has no face's landmarks is no face."""
    if alignment == "square":
        return cut_crop
    finder = LandmarkFinder()

    def level(image_bgr: NDArray[np.uint8], box_xywh: Box) -> NDArray[np.uint8] | None:
        (landmarks,) = finder.find(image_bgr, [box_xywh])
        face = DetectedFace(box_xywh, landmarks)
        return crop_face(image_bgr, face, alignment) if landmarks.is_face() else None

    return level
