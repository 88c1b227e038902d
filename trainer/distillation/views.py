"""What teachers say of a training crop itself: of the same spoilt view that the student gets.

Beyer et al. 2022, "Knowledge distillation: A good teacher is patient and consistent".
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.vision.align import MEAN_SHAPE
from streamer.vision.crop import CROP_ENLARGE
from trainer.distillation.targets import Targets
from trainer.teachers.contexts import CONTEXT_SIZE, SQUARE_SIDE
from trainer.teachers.descriptors import unit
from trainer.teachers.teacher import Teacher

_SIDE = round(SQUARE_SIDE * CROP_ENLARGE)
_MARGIN = (CONTEXT_SIZE - _SIDE) // 2
_POINTS = MEAN_SHAPE * SQUARE_SIDE + CONTEXT_SIZE / 2 - 0.5


def view_describer(
    teachers: Sequence[Teacher], targets: Targets
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return what makes targets of levelled training crops: (n, 96, 96, 3) to (n, 128)."""

    def describe(crops: NDArray[np.float32]) -> NDArray[np.float32]:
        contexts = [view_context(crop) for crop in crops]
        described = []
        for teacher in teachers:
            chips = np.stack([teacher.chip(context, _POINTS) for context in contexts])
            described.append(unit(teacher.descriptors(chips)))
        return targets.reduce(described)

    return describe


def view_context(crop: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lay a levelled training crop where it lies in a context crop: (160, 160, 3) uint8.

    What is around it is its edge, repeated.
    """
    pixels = np.asarray(np.rint(crop * 255), np.uint8)
    large = cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR)
    framed = cv2.copyMakeBorder(large, _MARGIN, _MARGIN, _MARGIN, _MARGIN, cv2.BORDER_REPLICATE)
    return np.asarray(framed, np.uint8)
