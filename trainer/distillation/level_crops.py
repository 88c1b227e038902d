"""Training crops of levelled faces: what is left to chance once the landmarks are found.

The finder's own unsteadiness, then what cameras and light do: blur, few pixels, noise, colour,
dark, partial cover. Training only; nothing here is ever applied to a crop that is to be named.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.constants import CROP_SIZE
from streamer.vision.align import CROP_POINTS, similarity_transform

_CLEAN_SHARE = 0.3


def level_crop(
    context_rgb: NDArray[np.uint8], points: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Cut a training crop of a face in its context: (96, 96, 3) float32 in [0, 1]."""
    clean = rng.random() < _CLEAN_SHARE
    crop = _level(context_rgb, points, rng, 0.5 if clean else 1.0)
    return (crop if clean else spoilt(crop, rng)).astype(np.float32) / np.float32(255)


def _level(
    context_rgb: NDArray[np.uint8],
    points: NDArray[np.float64],
    rng: np.random.Generator,
    amount: float,
) -> NDArray[np.uint8]:
    eyes = float(np.linalg.norm(points[1] - points[0]))
    unsteady = points + rng.normal(0, 0.016 * eyes * amount, (5, 2))
    matrix = similarity_transform(unsteady, CROP_POINTS)
    scale, angle = np.exp(rng.normal(0, 0.03 * amount)), rng.normal(0, 0.04 * amount)
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    jitter = np.array([[cos, -sin], [sin, cos]])
    middle = np.full(2, CROP_SIZE / 2 - 0.5)
    linear = jitter @ matrix[:, :2]
    shift = rng.normal(0, 0.013 * amount, 2) * CROP_SIZE
    offset = jitter @ (matrix[:, 2] - middle) + middle + shift
    if rng.random() < 0.5:  # mirrored
        linear[0], offset[0] = -linear[0], CROP_SIZE - 1 - offset[0]
    crop = cv2.warpAffine(
        context_rgb,
        np.column_stack([linear, offset]),
        (CROP_SIZE, CROP_SIZE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(crop, np.uint8)


def spoilt(crop_rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Spoil a crop as a bad camera in bad light does: (96, 96, 3) uint8."""
    crop = _softened(crop_rgb, rng)
    grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.float32)
    saturation = 0.0 if rng.random() < 0.12 else rng.uniform(0.3, 1.5)
    contrast, brightness = rng.uniform(0.5, 1.4), rng.uniform(-45, 45)
    mean = float(grey.mean())
    values = crop.astype(np.float32) * np.float32(saturation * contrast)
    values += (grey * np.float32((1 - saturation) * contrast))[..., None]
    values += np.float32(mean - mean * contrast + brightness)
    if rng.random() < 0.4:
        values += rng.standard_normal(values.shape, np.float32) * np.float32(rng.uniform(0, 8))
    if rng.random() < 0.25:
        height, width = rng.integers(10, 40, 2)
        top, left = rng.integers(0, CROP_SIZE - height), rng.integers(0, CROP_SIZE - width)
        values[top : top + height, left : left + width] = rng.uniform(0, 255, 3)
    if rng.random() < 0.1:
        values *= np.float32(rng.uniform(0.25, 0.6))
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def _softened(crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    if rng.random() < 0.3:
        side = int(rng.integers(24, 81))
        small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (CROP_SIZE, CROP_SIZE)), np.uint8)
    if rng.random() < 0.3:
        return np.asarray(cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.6, 3.0)), np.uint8)
    return crop
