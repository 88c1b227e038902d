"""Where a face is at a time: a visit's walk, and the camera's own movement over it."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.vision.boxes import Box
from trainer.clips.play import Setting, Visit, Way, smooth

_WALK_PX_PER_S = 0.3  # of the picture's width
_FAR_SIZE, _FAR_S = 0.3, 2.0
_SWAY, _ZOOM = 0.03, 0.06  # of the picture's width; of its scale


class FacePose(NamedTuple):
    """A face in the picture: centre and width of its Haar square in pixels, turn in degrees."""

    x: float
    y: float
    side: float
    degrees: float

    @property
    def box(self) -> Box:
        """The upright square that a Haar cascade draws around it."""
        return Box(self.x - self.side / 2, self.y - self.side / 2, self.side, self.side)

    def place(self, box: Box) -> NDArray[np.float64]:
        """Return the (2, 3) transform that brings a photo with its face at `box` here."""
        scale = self.side / box.width
        turn = math.radians(self.degrees)
        cos, sin = scale * math.cos(turn), scale * math.sin(turn)
        x, y = box.x + box.width / 2, box.y + box.height / 2
        return np.array(
            [[cos, -sin, self.x - cos * x + sin * y], [sin, cos, self.y - sin * x - cos * y]]
        )


@dataclass(frozen=True)
class Camera:
    """A camera that sways and zooms a little about the middle of the scene."""

    width: int
    height: int
    phase: float

    def transform(self, seconds: float) -> NDArray[np.float64]:
        """Return the (2, 3) transform from the scene to the picture."""
        zoom = 1 + _ZOOM * (0.5 + 0.5 * math.sin(2 * math.pi * seconds / 17 + self.phase))
        pan = _SWAY * self.width
        x = self.width / 2 * (1 - zoom) + pan * math.sin(2 * math.pi * seconds / 23 + self.phase)
        y = self.height / 2 * (1 - zoom) + pan / 3 * math.sin(2 * math.pi * seconds / 13)
        return np.array([[zoom, 0.0, x], [0.0, zoom, y]])


def pose_at(visit: Visit, setting: Setting, camera: Camera, seconds: float) -> FacePose:
    """Return where a visit's face is in the picture, from its start to its end."""
    x, y = visit.place
    first, second, third = visit.phase
    cell = setting.width / setting.at_once
    x += 0.12 * cell * math.sin(2 * math.pi * seconds / 5.3 + first)
    y += 0.04 * setting.height * math.sin(2 * math.pi * seconds / 3.7 + second)
    side = visit.size_px * (1 + 0.15 * math.sin(2 * math.pi * seconds / 7.1 + third))
    degrees = visit.turn_degrees * math.sin(2 * math.pi * seconds / 4.3 + second)
    for crossing in visit.crossings:
        share = crossing.share_at(seconds)
        x += share * crossing.by_px
        side *= 1 + smooth(min(1.0, 2 * share)) * (0.15 if crossing.nearer else -0.15)
    for way, edge_s in (
        (visit.comes, seconds - visit.start_s),
        (visit.goes, visit.end_s - seconds),
    ):
        off_x, off_y, scale = _off(way, edge_s, (x, y), side, setting)
        x, y, side = x + off_x, y + off_y, side * scale
    (zoom, _, left), (_, _, top) = camera.transform(seconds)
    return FacePose(zoom * x + left, zoom * y + top, zoom * side, degrees)


def _off(
    way: Way, edge_s: float, place: tuple[float, float], side: float, setting: Setting
) -> tuple[float, float, float]:
    """Return how far off its place somebody still is, in pixels, and how much smaller."""
    if way == "far":
        return 0.0, 0.0, _FAR_SIZE + (1 - _FAR_SIZE) * smooth(edge_s / _FAR_S)
    away = {
        "left": -(place[0] + side),
        "right": setting.width - place[0] + side,
        "below": setting.height - place[1] + side,
    }[way]
    walk_s = max(0.8, abs(away) / (_WALK_PX_PER_S * setting.width))
    left = (1 - smooth(edge_s / walk_s)) * away
    return (0.0, left, 1.0) if way == "below" else (left, 0.0, 1.0)
