"""How good a crop is: measured once, for live votes, enrolment and files alike."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.vision.align import Alignment, Pose
from streamer.vision.faces import DetectedFace, crop_face

MIN_QUALITY = 0.3
"""The worst crop still counts this much, or a far face would never collect enough votes."""

_FULL_FACE_PX = 96.0
_FULL_SHARPNESS = 0.05
_FULL_LIGHT = 0.2
_FULL_TURN, _NO_FACE_TURN = 30.0, 75.0  # degrees


@dataclass(frozen=True, kw_only=True)
class MeasuredCrop:
    """A crop with what its quality is made of.

    crop_rgb: (96, 96, 3) uint8. face_px: width of the detection in pixels of the picture.
    sharpness: see `sharpness`. brightness: mean of the crop, 0 (black) to 1 (white). pose: which
    way the head is turned.
    """

    crop_rgb: NDArray[np.uint8]
    face_px: float
    sharpness: float
    brightness: float
    pose: Pose

    @property
    def quality(self) -> float:
        """The crop's weight in a vote and in enrolment, MIN_QUALITY to 1."""
        return crop_quality(self.face_px, self.sharpness, self.brightness, self.pose)


def measure_crop(
    image_bgr: NDArray[np.uint8], face: DetectedFace, alignment: Alignment
) -> MeasuredCrop:
    """Cut the crop of a face out of a (height, width, 3) uint8 BGR picture and measure it."""
    crop_rgb = crop_face(image_bgr, face, alignment)
    return MeasuredCrop(
        crop_rgb=crop_rgb,
        face_px=face.box.width,
        sharpness=sharpness(crop_rgb),
        brightness=float(crop_rgb.mean()) / 255,
        pose=face.pose,
    )


def crop_quality(face_px: float, sharpness: float, brightness: float, pose: Pose) -> float:
    """Weight a crop by size, sharpness, light and pose: MIN_QUALITY to 1.

    A face 96 px wide fills the network's input; a fifth of the range of grey at either end is
    too dark or too bright, and halves the weight at most. A head may turn and nod by 30 degrees
    in all without loss (embeddings of LFW's development people: 0.96 mean similarity to others of
    the same person at every angle up to there); beyond, the weight falls to nothing at 75. A
    tilted head (roll) is as good as a straight one.
    """
    turned = math.hypot(pose.yaw, pose.pitch)
    light = min(1.0, brightness / _FULL_LIGHT, (1.0 - brightness) / _FULL_LIGHT)
    product = (
        min(1.0, face_px / _FULL_FACE_PX)
        * min(1.0, sharpness / _FULL_SHARPNESS)
        * (0.5 + 0.5 * light)
        * min(1.0, (_NO_FACE_TURN - turned) / (_NO_FACE_TURN - _FULL_TURN))
    )
    return max(MIN_QUALITY, product)


def sharpness(crop_rgb: NDArray[np.uint8]) -> float:
    """Return the variance of the Laplacian of the grey crop over that of its grey values (no unit).

    Dividing by the variance of the grey values makes a dim crop comparable to a bright one
    (Pech-Pacheco et al. 2000 for the Laplacian; the division is ours).
    """
    grey = cv2.cvtColor(crop_rgb, cv2.COLOR_RGB2GRAY)
    contrast = float(grey.var())
    if contrast < 1.0:
        return 0.0
    return float(cv2.Laplacian(grey, cv2.CV_32F).var()) / contrast
