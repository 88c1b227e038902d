"""Levelling a face: turned, scaled and shifted so that its five landmarks lie at fixed places.

Points are the eyes' centres, the nose tip and the corners of the mouth, left to right as they
are in the picture, as (5, 2) x and y in pixels; a pixel's centre is at a whole number.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import EmbedConfig
from streamer.constants import CROP_SIZE
from streamer.errors import ConfigError
from streamer.vision.boxes import Box
from streamer.vision.crop import CROP_ENLARGE

Alignment = Literal["square", "level", "openface"]
"""How a crop is cut for a network: the Haar square as it is, or its landmarks at fixed places:
those that they have in the mean Haar square, or those of OpenFace's crops."""

ALIGNMENTS: tuple[Alignment, ...] = get_args(Alignment)

MEAN_SHAPE = np.array(
    [(-0.184, -0.095), (0.184, -0.095), (0.0, 0.103), (-0.165, 0.304), (0.165, 0.304)]
)
"""Median landmarks of 2,113 LFW pictures in units of the Haar square's side, from its centre.

The left half and the mirrored right half are averaged.
"""

CROP_POINTS = (MEAN_SHAPE / CROP_ENLARGE + 0.5) * CROP_SIZE - 0.5
"""Where a levelled crop has them: where they are in the middle Haar square, enlarged."""

OPENFACE_POINTS = CROP_SIZE * np.array(
    [(0.2774, 0.1673), (0.7061, 0.1590), (0.4921, 0.4221), (0.3071, 0.6418), (0.6954, 0.6341)]
)
"""Where OpenFace's aligned crops have them: made of its 68 template points (eyes: the means of
points 36 to 41 and 42 to 47; 30, 48, 54), each axis from 0 to 1 (`align_dlib.py`, Apache-2.0).

OpenFace moves both outer corners of the eyes and the nose to their places (affine); with a
similarity of five points, a face of mean shape comes to lie there, too.
"""

PLACES: dict[Alignment, NDArray[np.float64]] = {"level": CROP_POINTS, "openface": OPENFACE_POINTS}
"""The landmarks' places, (5, 2) in pixels of the crop, for each alignment that has some."""

_MEAN_EYES = float(np.linalg.norm(MEAN_SHAPE[1] - MEAN_SHAPE[0]))
_SHARPEST = 0.5  # below this scale, single pixels no longer stand for what is around them


SHIPPED_ALIGNMENT: Alignment = "level"
"""What the weights that ship were trained on; cameras need to know it where there are none."""


_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile)


class Pose(NamedTuple):
    """How a head is turned, in degrees, 0 for a face that looks into the camera.

    yaw: to the picture's right; pitch: up; roll: clockwise in the picture.
    """

    yaw: float
    pitch: float
    roll: float


def alignment_for(config: EmbedConfig, weights: Path | None) -> Alignment:
    """Return how crops are to be cut for the network that a config asks for.

    Raises ConfigError where only its weights file can tell, and that is not on this host.
    """
    if config.alignment != "auto":
        return config.alignment
    if weights is None:
        return SHIPPED_ALIGNMENT
    try:
        with np.load(io.BytesIO(weights.read_bytes()), allow_pickle=False) as stored:
            stated = json.loads(stored["description"].tobytes())["crop"].get("alignment", "square")
    except _DAMAGE as error:
        raise ConfigError(
            f"{weights}: does not tell how crops for it are cut; "
            "where the file is not at hand, set embed.alignment"
        ) from error
    try:
        return known_alignment(stated)
    except ValueError as error:
        raise ConfigError(f"{weights}: {error}") from error


def known_alignment(stated: object) -> Alignment:
    """Return an alignment that a file states. Raises ValueError for any other word."""
    for alignment in ALIGNMENTS:
        if stated == alignment:
            return alignment
    raise ValueError(
        f"the crop's alignment must be {', '.join(ALIGNMENTS[:-1])} or {ALIGNMENTS[-1]}. "
        f"Received: {stated!r}"
    )


def similarity_transform(
    points: NDArray[np.float64], places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Find the (2, 3) matrix that turns, scales and shifts (n, 2) points closest to their places.

    Least squares (Umeyama 1991, without mirroring). Raises ValueError where all points are one.
    """
    middle, goal = points.mean(axis=0), places.mean(axis=0)
    source, target = points - middle, places - goal
    spread = float(np.square(source).sum())
    if not spread > 0:
        raise ValueError("points must not all be the same")
    cos = float((source * target).sum()) / spread
    sin = float((source[:, 0] * target[:, 1] - source[:, 1] * target[:, 0]).sum()) / spread
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([linear, goal - linear @ middle])


def align_crop(
    image_bgr: NDArray[np.uint8],
    points: NDArray[np.float64],
    places: NDArray[np.float64] = CROP_POINTS,
    size: int = CROP_SIZE,
) -> NDArray[np.uint8]:
    """Cut the levelled crop of a face: (size, size, 3) uint8, RGB.

    points: (5, 2) in pixels of the picture; places: (5, 2) in pixels of the crop. Beyond the
    picture's border its edge pixels are repeated.
    """
    matrix = similarity_transform(points, places)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale <= _SHARPEST:
        image_bgr, matrix = _reduced(image_bgr, matrix, size, int(1 / scale))
    crop = cv2.warpAffine(
        image_bgr, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.ascontiguousarray(crop[:, :, ::-1])


def _reduced(
    image_bgr: NDArray[np.uint8], matrix: NDArray[np.float64], size: int, factor: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Cut the part of the picture that the crop shows, averaged to a `factor`-th of its size."""
    back = cv2.invertAffineTransform(matrix)
    corners = np.array([(0, 0), (size, 0), (0, size), (size, size)]) @ back[:, :2].T + back[:, 2]
    rows, columns = image_bgr.shape[:2]
    left, top = np.clip(np.floor(corners.min(axis=0)) - factor, 0, (columns - 1, rows - 1))
    right, bottom = np.clip(
        np.ceil(corners.max(axis=0)) + factor, (left + 1, top + 1), (columns, rows)
    )
    part = image_bgr[int(top) : int(bottom), int(left) : int(right)]
    height, width = max(1, part.shape[0] // factor), max(1, part.shape[1] // factor)
    small = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    across, down = part.shape[1] / width, part.shape[0] / height
    # picture = small * step + first, for the centres of pixels
    step = np.diag([across, down])
    first = np.array([left + across / 2 - 0.5, top + down / 2 - 0.5])
    linear = matrix[:, :2]
    return np.asarray(small, np.uint8), np.column_stack(
        [linear @ step, linear @ first + matrix[:, 2]]
    )


def misfit(points: NDArray[np.float64]) -> float:
    """Measure how far points are from a face's: their distance from the mean shape laid over them.

    Root mean square, in units of the laid shape's eye distance; infinite where all are one.
    """
    try:
        matrix = similarity_transform(MEAN_SHAPE, points)
    except ValueError:
        return float("inf")
    eyes = float(np.hypot(matrix[0, 0], matrix[1, 0])) * _MEAN_EYES
    laid = MEAN_SHAPE @ matrix[:, :2].T + matrix[:, 2]
    apart = float(np.sqrt(np.square(points - laid).sum(axis=1).mean()))
    return apart / eyes if eyes > 0 else float("inf")


def square_of(points: NDArray[np.float64]) -> Box:
    """Return the Haar square that a face with these landmarks has, upright, in their pixels.

    It is the mean shape's square where that shape is laid over them; its size is 0 where all
    points are one.
    """
    try:
        matrix = similarity_transform(MEAN_SHAPE, points)
    except ValueError:
        return Box(float(points[0, 0]), float(points[0, 1]), 0.0, 0.0)
    side = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    x, y = (float(value) for value in matrix[:, 2])
    return Box(x - side / 2, y - side / 2, side, side)


def pose_of(points: NDArray[np.float64]) -> Pose:
    """Estimate a head's pose from its landmarks, as if its features lay in a plane before the ears.

    The nose tip stands before the plane of eyes and mouth, so it moves against them as the head
    turns; how far it stands out is that of the mean shape's face, 0.6 of the eye distance.
    """
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    down = mouth - eyes
    height = float(np.hypot(*down))
    if height == 0:
        return Pose(0.0, 0.0, 0.0)
    down = down / height
    across = np.array([down[1], -down[0]])
    roll = float(np.degrees(np.arctan2(-down[0], down[1])))
    nose = points[2] - (eyes + mouth) / 2
    usual = MEAN_SHAPE[2] - (MEAN_SHAPE[:2].mean(axis=0) + MEAN_SHAPE[3:].mean(axis=0)) / 2
    usual_height = float(MEAN_SHAPE[3:, 1].mean() - MEAN_SHAPE[:2, 1].mean())
    reach = _NOSE_REACH * _MEAN_EYES / usual_height
    sideways = float(nose @ across) / height
    downwards = float(nose @ down) / height - float(usual[1]) / usual_height
    yaw = float(np.degrees(np.arcsin(np.clip(sideways / reach, -1.0, 1.0))))
    pitch = float(np.degrees(np.arcsin(np.clip(-downwards / reach, -1.0, 1.0))))
    return Pose(yaw, pitch, roll)


_NOSE_REACH = 0.6
