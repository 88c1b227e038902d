"""Views of faces and of what is none, as a loose detector and a bad camera give them.

They are cut from context crops, shifted, scaled and turned, spoilt and partly covered.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.vision.landmarks import VIEW_ENLARGE, VIEW_SIZE
from trainer.teachers.contexts import CONTEXT_SIZE, SQUARE_SIDE

_MIRRORED = [1, 0, 2, 4, 3]
_SHARPEST = 0.6  # below this scale, single pixels no longer stand for what is around them


def face_view(
    context_rgb: NDArray[np.uint8], points: NDArray[np.float32], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Cut a view of a face; it, and where its points are then.

    Returns (56, 56, 3) uint8 and (5, 2) in shares of the view, from its centre.
    """
    matrix = _matrix(
        SQUARE_SIDE * VIEW_ENLARGE * np.exp(rng.normal(0, 0.09)),
        rng.normal(0, 0.055, 2) * SQUARE_SIDE,
        rng.normal(0, 0.2) if rng.random() < 0.6 else rng.uniform(-0.61, 0.61),
    )
    places = points.astype(np.float64)
    if rng.random() < 0.5:
        context_rgb = context_rgb[:, ::-1]
        places = places[_MIRRORED]
        places[:, 0] = CONTEXT_SIZE - 1 - places[:, 0]
    view = _cut(context_rgb, matrix)
    places = places @ matrix[:, :2].T + matrix[:, 2]
    shares = ((places + 0.5) / VIEW_SIZE - 0.5).astype(np.float32)
    return _spoilt(view, rng), shares


def faceless_view(
    faceless: NDArray[np.uint8], contexts: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Cut a view (56, 56, 3) without a face, or one that a face is far out of.

    faceless (m, 160, 160, 3): pictures without any face, if there are some; contexts
    (n, 160, 160, 3): with one in the middle.
    """
    if len(faceless) and rng.random() < 0.6:
        picture = faceless[rng.integers(len(faceless))]
        side, shift = rng.uniform(0.5, 1.0), rng.uniform(-0.2, 0.2, 2)
        matrix = _matrix(side * CONTEXT_SIZE, shift * CONTEXT_SIZE, rng.uniform(-0.5, 0.5))
    else:
        picture = contexts[rng.integers(len(contexts))]
        if rng.random() < 0.5:  # beside the face
            angle = rng.uniform(0, 2 * np.pi)
            shift = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(0.55, 0.9) * SQUARE_SIDE
            side = SQUARE_SIDE * VIEW_ENLARGE * np.exp(rng.uniform(-0.7, 0.2))
        else:  # a part of it
            shift = rng.uniform(-0.4, 0.4, 2) * SQUARE_SIDE
            side = SQUARE_SIDE * VIEW_ENLARGE * rng.uniform(0.2, 0.45)
        matrix = _matrix(side, shift, rng.uniform(-np.pi, np.pi))
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    return _spoilt(_cut(picture, matrix), rng)


def _matrix(side: float, shift: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    scale = VIEW_SIZE / side
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    linear = np.array([[cos, -sin], [sin, cos]])
    centre = np.full(2, CONTEXT_SIZE / 2 - 0.5) + shift
    return np.column_stack([linear, VIEW_SIZE / 2 - 0.5 - linear @ centre])


def _cut(picture_rgb: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    picture: Any = picture_rgb
    if scale < _SHARPEST:  # average first, as `cut_crop` does; a mean of two stands between them
        picture = cv2.blur(np.ascontiguousarray(picture_rgb), (2, 2), anchor=(0, 0))
        half = matrix[:, :2] @ np.array([0.5, 0.5])
        matrix = np.column_stack([matrix[:, :2], matrix[:, 2] + half])
    return np.asarray(
        cv2.warpAffine(
            picture,
            matrix,
            (VIEW_SIZE, VIEW_SIZE),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def _spoilt(view: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    if rng.random() < 0.25:
        side = int(rng.integers(16, 44))
        small = cv2.resize(view, (side, side), interpolation=cv2.INTER_AREA)
        view = np.asarray(cv2.resize(small, (VIEW_SIZE, VIEW_SIZE)), np.uint8)
    if rng.random() < 0.2:
        view = np.asarray(cv2.GaussianBlur(view, (0, 0), rng.uniform(0.5, 2.0)), np.uint8)
    if rng.random() < 0.2:
        view = _covered(view, rng)
    gain, offset = rng.uniform(0.25, 1.3), rng.uniform(-30, 30)
    if rng.random() < 0.25:  # light from one side
        ramp = np.linspace(rng.uniform(0.3, 1), rng.uniform(0.3, 1), VIEW_SIZE, dtype=np.float32)
        light = ramp[None, :, None] if rng.random() < 0.7 else ramp[:, None, None]
        view = np.asarray(view * light, np.uint8)
    values = view.astype(np.float32) * np.float32(gain) + np.float32(offset)
    if rng.random() < 0.4:
        values += rng.standard_normal((VIEW_SIZE, VIEW_SIZE, 1), np.float32) * np.float32(
            rng.uniform(0, 10)
        )
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def _covered(view: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    view = np.array(view)
    height, width = rng.integers(6, 24, 2)
    top, left = rng.integers(0, VIEW_SIZE - height), rng.integers(0, VIEW_SIZE - width)
    view[top : top + height, left : left + width] = rng.integers(0, 256, 3)
    return view
