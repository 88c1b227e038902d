"""Distortions of training crops: what cameras, light and detectors do to faces.

Training only; nothing here is ever applied to a crop that is to be named.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.constants import CROP_SIZE
from streamer.vision.crop import CROP_ENLARGE
from trainer.teachers.contexts import CONTEXT_ENLARGE, CONTEXT_SIZE

_PLAIN_SIDE = CONTEXT_SIZE * CROP_ENLARGE / CONTEXT_ENLARGE
_CLEAN_SHARE = 0.3


def plain_crop(context_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Cut the undistorted crop out of a context crop: (96, 96, 3) float32 in [0, 1]."""
    return _cut(context_rgb, _PLAIN_SIDE, 0.0, 0.0, 0.0, mirror=False)


def square_crop(context_rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Cut a training crop of a face that is not levelled: (96, 96, 3) float32 in [0, 1]."""
    clean = rng.random() < _CLEAN_SHARE
    return shifted_crop(context_rgb, rng) if clean else distorted_crop(context_rgb, rng)


def shifted_crop(context_rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Cut a good picture's crop as a loose detector would: (96, 96, 3) float32 in [0, 1]."""
    return _cut(
        context_rgb,
        _PLAIN_SIDE * rng.uniform(0.92, 1.08),
        rng.uniform(-0.03, 0.03) * CONTEXT_SIZE,
        rng.uniform(-0.03, 0.03) * CONTEXT_SIZE,
        rng.uniform(-0.1, 0.1),
        mirror=rng.random() < 0.5,
    )


def distorted_crop(context_rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Cut a crop as a bad camera and a loose detector would: (96, 96, 3) float32 in [0, 1]."""
    crop = _cut(
        context_rgb,
        _PLAIN_SIDE * rng.uniform(0.88, 1.12),
        rng.uniform(-0.05, 0.05) * CONTEXT_SIZE,
        rng.uniform(-0.05, 0.05) * CONTEXT_SIZE,
        rng.uniform(-0.2, 0.2),
        mirror=rng.random() < 0.5,
    )
    return _spoilt(crop, rng)


def augment_crop(crop_rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Do the same to a crop that has no context: (96, 96, 3) float32 in [0, 1].

    It is turned and shifted less, as what is beyond its edge can only be guessed.
    """
    crop = _cut(
        crop_rgb,
        CROP_SIZE * rng.uniform(0.92, 1.04),
        rng.uniform(-0.03, 0.03) * CROP_SIZE,
        rng.uniform(-0.03, 0.03) * CROP_SIZE,
        rng.uniform(-0.1, 0.1),
        mirror=rng.random() < 0.5,
    )
    return _spoilt(crop, rng)


def _spoilt(crop: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    crop = _recolour(crop, rng)
    if rng.random() < 0.35:
        side = int(rng.integers(32, 81))
        small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
        large = cv2.resize(small, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_LINEAR)
        crop = np.asarray(large, np.float32)
    if rng.random() < 0.5:
        crop = crop + rng.normal(0.0, rng.uniform(0.0, 0.03), crop.shape).astype(np.float32)
    if rng.random() < 0.3:
        _occlude(crop, rng)
    return np.clip(crop, 0.0, 1.0)


def _cut(
    picture_rgb: NDArray[np.uint8],
    side: float,
    shift_x: float,
    shift_y: float,
    angle: float,
    *,
    mirror: bool,
) -> NDArray[np.float32]:
    scale = CROP_SIZE / side
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    flip = -1.0 if mirror else 1.0
    middle, centre = CROP_SIZE / 2 - 0.5, len(picture_rgb) / 2 - 0.5
    linear = np.array([[flip * cos, -flip * sin], [sin, cos]])
    offset = np.array([middle, middle]) - linear @ np.array([centre + shift_x, centre + shift_y])
    matrix = np.column_stack([linear, offset])
    crop = cv2.warpAffine(
        picture_rgb,
        matrix,
        (CROP_SIZE, CROP_SIZE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return crop.astype(np.float32) / np.float32(255)


def _recolour(crop: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    grey = crop @ np.array([0.299, 0.587, 0.114], np.float32)
    saturation = 0.0 if rng.random() < 0.12 else rng.uniform(0.3, 1.5)
    crop = grey[..., None] + (crop - grey[..., None]) * np.float32(saturation)
    mean = np.float32(grey.mean())
    contrast, brightness = rng.uniform(0.6, 1.4), rng.uniform(-0.2, 0.2)
    return (crop - mean) * np.float32(contrast) + mean + np.float32(brightness)


def _occlude(crop: NDArray[np.float32], rng: np.random.Generator) -> None:
    height, width = rng.integers(10, 40, 2)
    top, left = rng.integers(0, CROP_SIZE - height), rng.integers(0, CROP_SIZE - width)
    crop[top : top + height, left : left + width] = rng.random(3).astype(np.float32)
