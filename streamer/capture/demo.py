"""The demo's clip, made at first run from two portraits in the public domain.

Eileen Collins (NASA, ships with scikit-image) is enrolled by the demo; Grace Hopper (US
Navy, ships with matplotlib) stays a stranger. Both move, scale, dim, leave and come back before
a brick wall.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.errors import SourceError
from streamer.files import replacing, write_file
from streamer.vision.files import read_image
from streamer.vision.images import encode_image, resize_image

WIDTH, HEIGHT, FPS = 1280, 720, 30
SECONDS = 24
ENROLLED = "Eileen Collins"
STRANGER = "Grace Hopper"
CLIP = "demo-2.mp4"  # another name for another play, as the file is made once
PORTRAIT = "eileen_collins.png"


def collins_bgr() -> NDArray[np.uint8]:
    """Cut the head and shoulders of Eileen Collins out, (height, width, 3) uint8."""
    from skimage import data

    portrait = data.astronaut()[0:240, 110:350, ::-1]  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(portrait)


def hopper_bgr() -> NDArray[np.uint8]:
    """Cut the head and shoulders of Grace Hopper out, (height, width, 3) uint8."""
    import matplotlib

    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    image = read_image(path)
    if image is None:
        raise FileNotFoundError(path)
    return np.ascontiguousarray(image[20:380, 80:440])


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A portrait and its part: present in [enter_s, leave_s), circling about its centre."""

    portrait_bgr: NDArray[np.uint8]
    enter_s: float
    leave_s: float
    centre: tuple[float, float]
    swing: tuple[float, float]
    side: tuple[float, float]
    phase: float = 0.0
    period_s: float = 6.0


def actors() -> list[Actor]:
    """Return the cast of the demo."""
    return [
        Actor(
            portrait_bgr=collins_bgr(),
            enter_s=0.0,
            leave_s=14.0,
            centre=(360, 350),
            swing=(150, 70),
            side=(280, 360),
        ),
        Actor(
            portrait_bgr=hopper_bgr(),
            enter_s=4.0,
            leave_s=18.0,
            centre=(920, 370),
            swing=(140, 80),
            side=(280, 340),
            phase=1.5,
            period_s=7.0,
        ),
        Actor(
            portrait_bgr=collins_bgr(),
            enter_s=16.0,
            leave_s=23.5,
            centre=(500, 360),
            swing=(120, 40),
            side=(300, 340),
            phase=0.5,
            period_s=5.0,
        ),
    ]


def background(width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """Return a brick wall (CC0, ships with scikit-image): a real texture without faces."""
    from skimage import data

    brick: NDArray[np.uint8] = data.brick()  # type: ignore[no-untyped-call]
    tile = resize_image(brick, 640, 640)
    wall = np.tile(tile, (-(-height // 640), -(-width // 640)))[:height, :width]
    light = np.linspace(0.75, 1.1, width)[None, :, None] * np.array([0.72, 0.8, 0.95])
    return np.asarray(np.clip(wall[:, :, None] * light, 0, 255), np.uint8)


def draw_frame(
    ground_bgr: NDArray[np.uint8], cast: list[Actor], seconds: float
) -> NDArray[np.uint8]:
    """Draw one frame of a play, (height, width, 3) uint8."""
    frame = ground_bgr.copy()
    for actor in cast:
        if actor.enter_s <= seconds < actor.leave_s:
            _draw_actor(frame, actor, seconds)
    return frame


def _draw_actor(frame: NDArray[np.uint8], actor: Actor, seconds: float) -> None:
    turn = 2 * math.pi * seconds / actor.period_s + actor.phase
    low, high = actor.side
    side = round(low + (high - low) * (0.5 + 0.5 * math.sin(turn * 0.7)))
    light = 0.8 + 0.2 * math.cos(turn * 0.5)
    portrait = cv2.convertScaleAbs(resize_image(actor.portrait_bgr, side, side), alpha=light)
    # The first and last two seconds are a walk in from below and out again.
    edge = min(seconds - actor.enter_s, actor.leave_s - seconds)
    sink = max(0.0, 1.0 - edge / 2) * 0.9 * frame.shape[0]
    left = round(actor.centre[0] + actor.swing[0] * math.cos(turn) - side / 2)
    top = round(actor.centre[1] + actor.swing[1] * math.sin(turn) - side / 2 + sink)
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(frame.shape[1], left + side), min(frame.shape[0], top + side)
    if x1 > x0 and y1 > y0:
        frame[y0:y1, x0:x1] = portrait[y0 - top : y1 - top, x0 - left : x1 - left]


def write_clip(path: Path, cast: list[Actor], seconds: float, fps: int = FPS) -> None:
    """Write a 1280 x 720 clip in one step: it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ground, fourcc = background(), cv2.VideoWriter.fourcc(*"mp4v")
    with replacing(path) as partial:
        writer = cv2.VideoWriter(str(partial), fourcc, fps, (WIDTH, HEIGHT))
        if not writer.isOpened():
            raise OSError(f"{path}: this OpenCV cannot write mp4 video")
        for index in range(round(seconds * fps)):
            writer.write(draw_frame(ground, cast, index / fps))
        writer.release()


def make_demo(folder: Path) -> Path:
    """Make the demo's clip in this folder, if it is not there, and the portrait to enrol.

    Raises SourceError where the folder cannot be made.
    """
    clip, portrait = folder / CLIP, folder / PORTRAIT
    if not portrait.is_file():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SourceError(f"{folder}: cannot be made: {error.strerror}") from error
        write_file(portrait, encode_image(collins_bgr(), ".png"))
    if not clip.is_file():
        write_clip(clip, actors(), SECONDS)
    return clip
