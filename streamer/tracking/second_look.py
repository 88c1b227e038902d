"""A second look for faces that were lost: finer, and tilted both ways, around where they should be.

It would see faces in walls if it looked everywhere; around a face that was there a moment ago,
and with the landmarks network as its judge, it does not.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.vision.boxes import Box
from streamer.vision.detect import HaarDetector
from streamer.vision.reduced import Reduced

_REACH = 0.6  # of the face's side, beyond it on each side
_SIDE = 64  # px of the face in the picture that is searched
_TILTS_DEGREES = (0.0, 20.0, -20.0)
_SCALE_FACTOR = 1.1
_NEIGHBOURS = 2


class SecondLook:
    """One lost face is looked for at a time, with one tilt: the next call takes the next tilt."""

    def __init__(self, cascade: str) -> None:
        self._haar = HaarDetector(
            cascade, 0, _SCALE_FACTOR, _NEIGHBOURS, min_face=round(_SIDE / 1.5)
        )
        self._turns = 0

    def look(self, picture: Reduced, lost: list[Box]) -> list[Box]:
        """Look for one of the lost faces, given by where each is expected, in the frame's pixels.

        Returns boxes in the same pixels.
        """
        if not lost:
            return []
        turn, self._turns = self._turns, self._turns + 1
        expected = lost[turn // len(_TILTS_DEGREES) % len(lost)]
        if expected.width <= 0:
            return []
        return self._look(picture, expected, _TILTS_DEGREES[turn % len(_TILTS_DEGREES)])

    def _look(self, picture: Reduced, expected: Box, degrees: float) -> list[Box]:
        """Turn and enlarge what is around a face, search it, and turn what was found back."""
        here = expected.scaled(picture.factor)
        scale = _SIDE / here.width
        side = round(_SIDE * (1 + 2 * _REACH))
        centre = (here.x + here.width / 2, here.y + here.height / 2)
        turn = np.array(cv2.getRotationMatrix2D(centre, degrees, scale), np.float64)
        turn[:, 2] += side / 2 - np.array(centre)
        around = cv2.warpAffine(
            picture.grey,
            turn,
            (side, side),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        back = cv2.invertAffineTransform(turn)
        found = self._haar.search(Reduced(_grey(around), 1.0))
        return [_turned_back(box, back, scale).scaled(1 / picture.factor) for box in found]


def _grey(picture: object) -> NDArray[np.uint8]:
    return np.asarray(picture, np.uint8)


def _turned_back(box: Box, back: object, scale: float) -> Box:
    middle = np.array([box.x + box.width / 2, box.y + box.height / 2, 1.0])
    x, y = (float(value) for value in np.asarray(back, np.float64) @ middle)
    side = box.width / scale
    return Box(x - side / 2, y - side / 2, side, side)
