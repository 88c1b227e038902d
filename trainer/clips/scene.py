"""What is around the people of a made clip: the room, things that pass, light, the sensor."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.vision.images import resize_image
from trainer.clips.motion import FacePose
from trainer.clips.play import Cover

_MARGIN = 0.08  # the room is larger than the picture by this share at each side
_LAMP_S, _LAMP_STEP = 20.0, 0.18
_NOISE_SIGMA, _NOISE_SPARE = 3.5, 64


def room_bgr() -> NDArray[np.uint8]:
    """Return a picture of a garage (CC0, ships with scikit-image), without faces."""
    from skimage import data

    left, _, _ = data.stereo_motorcycle()  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(left[:, :, ::-1])


class Room:
    """A picture behind everybody, which moves with the camera.

    picture_bgr: (rows, columns, 3) uint8 of any size; its middle fills the scene.
    """

    def __init__(self, picture_bgr: NDArray[np.uint8], width: int, height: int) -> None:
        self._size = (width, height)
        full_w, full_h = width * (1 + 2 * _MARGIN), height * (1 + 2 * _MARGIN)
        rows, columns = picture_bgr.shape[:2]
        scale = max(full_w / columns, full_h / rows)
        large = resize_image(picture_bgr, math.ceil(columns * scale), math.ceil(rows * scale))
        self._picture = cv2.GaussianBlur(large, (0, 0), max(0.1, 0.4 * scale))
        self._left = (large.shape[1] - width) / 2
        self._top = (large.shape[0] - height) / 2

    def draw(self, transform: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Return the picture of the empty room, (height, width, 3) uint8."""
        shifted = transform.copy()
        shifted[:, 2] -= transform[:, :2] @ np.array([self._left, self._top])
        drawn = cv2.warpAffine(
            self._picture, shifted, self._size, borderMode=cv2.BORDER_REFLECT_101
        )
        return np.asarray(drawn, np.uint8)


@dataclass(frozen=True)
class Sensor:
    """The light of the whole picture, and the noise of the camera. `noise` is a stock of it."""

    noise: NDArray[np.int16]
    steps: NDArray[np.float64]
    phase: float

    @classmethod
    def of(cls, width: int, height: int, seconds: float, rng: np.random.Generator) -> "Sensor":
        """Draw the noise and the times when a lamp goes on or off."""
        size = (height + _NOISE_SPARE, width + _NOISE_SPARE, 3)
        noise = np.rint(rng.standard_normal(size, np.float32) * _NOISE_SIGMA).astype(np.int16)
        count = int(seconds / _LAMP_S) + 1
        steps = np.sort(rng.uniform(0, seconds, count))
        return cls(noise, steps, float(rng.uniform(0, 6.3)))

    def gain_at(self, seconds: float) -> float:
        """Return the factor of the light: it swells slowly, and a lamp goes on and off."""
        slow = 1 + 0.08 * math.sin(2 * math.pi * seconds / 11 + self.phase)
        return slow * (1 - _LAMP_STEP * (int(np.searchsorted(self.steps, seconds)) % 2))

    def take(self, picture_bgr: NDArray[np.uint8], seconds: float, index: int) -> NDArray[np.uint8]:
        """Return what the camera makes of a picture: its light, and noise of frame `index`."""
        height, width = picture_bgr.shape[:2]
        top, left = index * 37 % _NOISE_SPARE, index * 53 % _NOISE_SPARE
        lit = cv2.convertScaleAbs(picture_bgr, alpha=self.gain_at(seconds))
        noise = self.noise[top : top + height, left : left + width]
        return np.asarray(cv2.add(lit, noise, dtype=cv2.CV_8U), np.uint8)


def cover_polygon(cover: Cover, pose: FacePose, seconds: float) -> NDArray[np.float64] | None:
    """Return the corners (4, 2) of what passes before a face now, in pixels, or None."""
    if not cover.from_s <= seconds < cover.to_s:
        return None
    turn = math.radians(cover.angle)
    along, across = (
        np.array([math.cos(turn), math.sin(turn)]),
        np.array([-math.sin(turn), math.cos(turn)]),
    )
    gone = (seconds - cover.from_s) / (cover.to_s - cover.from_s) * 2 - 1
    centre = np.array([pose.x, pose.y]) + pose.side * (1.3 * gone * along + cover.off * across)
    half = cover.side * pose.side / 2
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return np.stack([centre + half * (a * along + 1.3 * b * across) for a, b in signs])


def draw_cover(picture_bgr: NDArray[np.uint8], corners: NDArray[np.float64]) -> None:
    """Draw what passes: flat and dull, as a sleeve or a folder is."""
    fixed = np.rint(corners * 16).astype(np.int32)
    cv2.fillConvexPoly(picture_bgr, fixed, (96, 104, 118), cv2.LINE_AA, 4)


def inside_polygon(corners: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return for each of (n, 2) points whether it is in a convex polygon (m, 2)."""
    step = np.roll(corners, -1, axis=0) - corners
    to = points[:, None, :] - corners[None, :, :]
    side = step[None, :, 0] * to[:, :, 1] - step[None, :, 1] * to[:, :, 0]
    return np.asarray((side >= 0).all(axis=1) | (side <= 0).all(axis=1))
