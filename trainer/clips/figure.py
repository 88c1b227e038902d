"""Drawing one person into the picture: head and shoulders of a photo, its light and its blur."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.vision.boxes import Box
from trainer.clips.cast import Photo
from trainer.clips.motion import FacePose

# In widths of the Haar square, from its centre: centre and half axes.
_HEAD = (0.0, -0.08, 0.70, 0.92)
_SHOULDERS = (0.0, 1.35, 1.20, 0.80)
_FEATHER = 0.05
_SHARE_STEPS = 9
_FACE_REACH = 0.4  # half of the part of the square that shows the face itself


@dataclass(frozen=True)
class Figure:
    """A photo's person without what is around.

    image_bgr: (height, width, 3) uint8. alpha: (height, width) float32, 0 to 1. box: the Haar
    square, in pixels of both.
    """

    image_bgr: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    box: Box

    @classmethod
    def of(cls, photo: Photo) -> "Figure":
        """Cut head and shoulders out, by shapes about the Haar square, with soft edges."""
        height, width = photo.image_bgr.shape[:2]
        x0, y0 = photo.box.x + photo.box.width / 2, photo.box.y + photo.box.height / 2
        x = (np.arange(width) - x0)[None, :] / photo.box.width
        y = (np.arange(height) - y0)[:, None] / photo.box.height
        inside = np.maximum(_inside(x, y, _HEAD), _inside(x, y, _SHOULDERS))
        # The photo's own edge is soft, too.
        edge_x = np.minimum(np.arange(width), np.arange(width)[::-1])[None, :] / photo.box.width
        edge_y = np.minimum(np.arange(height), np.arange(height)[::-1])[:, None] / photo.box.height
        edge = np.clip(np.minimum(edge_x, edge_y) / _FEATHER, 0, 1)
        return cls(photo.image_bgr, np.asarray(inside * edge, np.float32), photo.box)


def _inside(
    x: NDArray[np.floating], y: NDArray[np.floating], shape: tuple[float, float, float, float]
) -> NDArray[np.float64]:
    centre_x, centre_y, half_x, half_y = shape
    reach = np.hypot((x - centre_x) / half_x, (y - centre_y) / half_y)
    return np.asarray(np.clip((1 - reach) * min(half_x, half_y) / _FEATHER + 0.5, 0, 1))


@dataclass(frozen=True)
class Look:
    """How a figure looks now: gain of the light, its slope from left to right, blur in pixels."""

    gain: float
    slope: float
    blur_px: float


def draw_figure(picture_bgr: NDArray[np.uint8], figure: Figure, pose: FacePose, look: Look) -> None:
    """Draw a person into a (height, width, 3) uint8 picture, where the pose says."""
    transform = pose.place(figure.box)
    left, top, right, bottom = _bounds(figure, transform, picture_bgr.shape)
    if right <= left or bottom <= top:
        return
    size = (right - left, bottom - top)
    local = transform - np.array([[0, 0, left], [0, 0, top]])
    patch = cv2.warpAffine(
        figure.image_bgr, local, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpAffine(figure.alpha, local, size)
    if look.blur_px > 0.2:
        patch = cv2.GaussianBlur(patch, (0, 0), look.blur_px)
        alpha = cv2.GaussianBlur(alpha, (0, 0), look.blur_px)
    off = (np.arange(left, right, dtype=np.float32) - np.float32(pose.x)) / np.float32(pose.side)
    light = np.float32(look.gain) * (1 + np.float32(look.slope) * np.clip(off, -1, 1))
    under = picture_bgr[top:bottom, left:right].astype(np.float32)
    lit = np.minimum(patch.astype(np.float32) * light[None, :, None], 255)
    picture_bgr[top:bottom, left:right] = under + (lit - under) * alpha[:, :, None]


def covers(figure: Figure, pose: FacePose, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return for each of (n, 2) points of the picture whether the figure is there."""
    (a, b, c), (d, e, f) = pose.place(figure.box)
    inverse = np.linalg.inv(np.array([[a, b, c], [d, e, f], [0, 0, 1]]))[:2]
    at = np.rint(points @ inverse[:, :2].T + inverse[:, 2]).astype(int)
    height, width = figure.alpha.shape
    within = (at >= 0).all(axis=1) & (at[:, 0] < width) & (at[:, 1] < height)
    at = np.where(within[:, None], at, 0)
    return np.asarray(within & (figure.alpha[at[:, 1], at[:, 0]] > 0.5))


def face_points(pose: FacePose) -> NDArray[np.float64]:
    """Return points all over the face itself, (n, 2) in pixels of the picture."""
    steps = np.linspace(-_FACE_REACH, _FACE_REACH, _SHARE_STEPS)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    grid = grid[np.hypot(grid[:, 0], grid[:, 1]) <= _FACE_REACH * 1.01]
    turn = math.radians(pose.degrees)
    turned = grid @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return np.asarray(turned * pose.side + np.array([pose.x, pose.y]))


def _bounds(
    figure: Figure, transform: NDArray[np.float64], shape: tuple[int, ...]
) -> tuple[int, int, int, int]:
    height, width = figure.alpha.shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    placed = corners @ transform[:, :2].T + transform[:, 2]
    low = np.maximum(np.floor(placed.min(axis=0)), 0).astype(int)
    high = np.minimum(np.ceil(placed.max(axis=0)), [shape[1], shape[0]]).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
