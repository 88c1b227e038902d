"""Enrolment of what people have: portraits cut close and tilted, and pictures without a face.

Portraits are cut from photos in folders named after people (LFW), of one photo of each person. Each
is enrolled as a file, and where its landmarks are found is compared with where they are in the
whole photo.
"""

import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from streamer.config.sections import DetectConfig, EnrolConfig
from streamer.errors import DatasetError
from streamer.vision.align import SHIPPED_ALIGNMENT
from streamer.vision.boxes import Box
from streamer.vision.detect import HaarDetector
from streamer.vision.faces import DetectedFace, FaceDetector
from streamer.vision.files import read_image
from streamer.vision.images import encode_image
from streamer.vision.portrait import PortraitFinder, square_of
from trainer.enrolment.harvest import harvest
from trainer.support.photos import find_photos

_MARGINS = (0.0, 0.05, 0.1)
_FACE = (-0.38, -0.42, 0.38, 0.52)  # ear to ear, hair to chin, in Haar squares from its middle
_BROW = (-0.33, -0.28, 0.33, 0.5)  # brow to chin
_TILTS = (0, 15, 25)
_SIDES = (150, 300)
_WRONG = 0.2  # of the eye distance: landmarks as far off are not of that face
_FACELESS = ("coffee", "rocket", "brick", "grass", "gravel", "moon", "coins", "text", "page")
_SQUARES_OF_EACH = 10
Image = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Cut:
    """A portrait, the way it is cut from a photo, and its landmarks, (5, 2) in its pixels."""

    way: str
    photo: Image
    image_bgr: Image
    points: Points


def measure(root: Path, people: int, on_progress: Callable[[str], None]) -> dict[str, Any]:
    """Shares enrolled, by how portraits are cut and tilted; and what the usual search alone finds.

    Raises DatasetError where there are too few people with a face in their first photo.
    """
    cv2.setNumThreads(1)
    usual, finder = _usual(), PortraitFinder()
    cuts: list[Cut] = []
    faceless: list[Image] = []
    for number, (image, face) in enumerate(_photos(root, people, usual), start=1):
        cuts += _cuts(image, face, random.Random(number))  # noqa: S311
        faceless += _beside(image, face)
    if len({id(cut.photo) for cut in cuts}) < people:
        raise DatasetError(
            f"{root}: has fewer than {people} people with a face in their first photo"
        )
    faceless += list(_made_faceless())
    counts: dict[str, dict[str, int]] = {}
    offs: list[float] = []
    enrolled = _enrolled([cut.image_bgr for cut in cuts], EnrolConfig(), on_progress)
    for cut, used in zip(cuts, enrolled, strict=True):
        way = counts.setdefault(cut.way, {"all": 0, "before": 0, "enrolled": 0, "wrong": 0})
        faces = usual.detect(cut.image_bgr)
        way["all"] += 1
        way["before"] += len(faces) == 1
        way["enrolled"] += used
        faces = faces or finder.find(cut.image_bgr)
        if faces:
            offs.append(_off(cut, faces[0]))
            way["wrong"] += offs[-1] > _WRONG
    after = sum(_enrolled(faceless, EnrolConfig(), on_progress))
    before = sum(bool(usual.detect(image)) for image in faceless)
    seen = sum(bool(finder.find(image)) for image in faceless)
    return {
        "people": people,
        "cut_close_enrolled": _shares(counts, "enrolled"),
        "cut_close_enrolled_before": _shares(counts, "before"),
        "cut_close_wrong_place": _shares(counts, "wrong"),
        "landmarks_off_median": float(np.median(offs)),
        "landmarks_off_p95": float(np.quantile(offs, 0.95)),
        "faceless_pictures": len(faceless),
        "faceless_found_before": before,
        "faceless_found_by_search": seen,
        "faceless_enrolled": after,
    }


def _usual() -> FaceDetector:
    return FaceDetector(HaarDetector(scale_factor=1.1, min_face=24), 0.5)


def _photos(
    root: Path, people: int, detector: FaceDetector
) -> Iterator[tuple[Image, DetectedFace]]:
    """Yield a photo of each person with the face nearest its middle, in an order of chance."""
    first: dict[Path, Path] = {}
    for photo in find_photos([root]):
        first.setdefault(photo.parent, photo)
    photos = sorted(first.values())
    random.Random(0).shuffle(photos)  # noqa: S311
    given = 0
    for photo in photos:
        if given == people:
            return
        image = read_image(photo)
        faces = [] if image is None else detector.detect(image)
        if image is None or not faces:
            continue
        height, width = image.shape[:2]
        middle = np.array([width / 2, height / 2])
        given += 1
        yield image, min(faces, key=lambda f: float(np.linalg.norm(_centre(f.box) - middle)))


def _cuts(image: Image, face: DetectedFace, rng: random.Random) -> Iterator[Cut]:
    square = square_of(face.landmarks.points)
    yield _cut("haar", image, face.landmarks.points, _edges(face.box, 0.0))
    for margin in _MARGINS:
        yield _cut(f"{margin:g}", image, face.landmarks.points, _edges(square, margin))
    centre = _centre(square)
    for way, shares in (("face", _FACE), ("brow", _BROW)):
        left, top, right, bottom = np.tile(centre, 2) + square.width * np.array(shares)
        yield _cut(way, image, face.landmarks.points, (left, top, right, bottom))
    for degrees in _TILTS:
        side = rng.randint(*_SIDES)
        middle, scale = (float(centre[0]), float(centre[1])), side / square.width / 1.05
        turned_by = degrees * rng.choice((-1, 1))
        turn = np.asarray(cv2.getRotationMatrix2D(middle, turned_by, scale), np.float64)
        turn[:, 2] += (side - 1) / 2 - centre
        turned = cv2.warpAffine(image, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
        points = face.landmarks.points @ turn[:, :2].T + turn[:, 2]
        yield Cut(f"tilted {degrees}", image, np.asarray(turned, np.uint8), points)


def _cut(way: str, image: Image, points: Points, edges: Sequence[float]) -> Cut:
    height, width = image.shape[:2]
    left, top = (max(0, round(edge)) for edge in edges[:2])
    right, bottom = min(width, round(edges[2])), min(height, round(edges[3]))
    part = np.ascontiguousarray(image[top:bottom, left:right])
    return Cut(way, image, part, points - np.array([left, top]))


def _edges(box: Box, margin: float) -> tuple[float, float, float, float]:
    more = margin * box.width
    return box.x - more, box.y - more, box.x + box.width + more, box.y + box.height + more


def _centre(box: Box) -> NDArray[np.float64]:
    return np.array([box.x + box.width / 2, box.y + box.height / 2])


def _off(cut: Cut, face: DetectedFace) -> float:
    """Root mean square distance of the landmarks from their places, in eye distances."""
    eyes = float(np.linalg.norm(cut.points[1] - cut.points[0]))
    apart = np.square(face.landmarks.points - cut.points).sum(axis=1)
    return float(np.sqrt(apart.mean())) / eyes


def _enrolled(
    images: Sequence[Image], rules: EnrolConfig, on_progress: Callable[[str], None]
) -> list[bool]:
    """Tell of each picture whether it can be enrolled, as a file."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number:06d}.png" for number in range(len(images))]
        for path, image in zip(paths, images, strict=True):
            path.write_bytes(encode_image(image, ".png"))

        def told(path: Path) -> None:
            if int(path.stem) % 100 == 0:
                on_progress(f"{int(path.stem)} of {len(images)} pictures")

        found = harvest(paths, rules, DetectConfig(), SHIPPED_ALIGNMENT, told)
        used = {face.source.path for face in found.usable}
    return [str(path) in used for path in paths]


def _beside(image: Image, face: DetectedFace) -> list[Image]:
    """Return the strips beside, below and above the face, where they are 32 px wide."""
    left, top, right, bottom = (round(edge) for edge in _edges(face.box, 0.15))
    strips = (image[:, :left], image[:, right:], image[bottom:], image[:top])
    return [np.ascontiguousarray(strip) for strip in strips if min(strip.shape[:2]) >= 32]


def _made_faceless() -> Iterator[Image]:
    rng = random.Random(0)  # noqa: S311
    for name in _FACELESS:
        picture = np.asarray(getattr(data, name)(), np.uint8)
        grey = picture if picture.ndim == 3 else np.dstack([picture] * 3)
        image = np.ascontiguousarray(grey[:, :, ::-1])
        yield image
        height, width = image.shape[:2]
        for _ in range(_SQUARES_OF_EACH):
            side = max(48, round(rng.uniform(0.15, 0.8) * min(height, width)))
            left, top = rng.randint(0, width - side), rng.randint(0, height - side)
            yield np.ascontiguousarray(image[top : top + side, left : left + side])


def _shares(counts: Mapping[str, Mapping[str, int]], key: str) -> dict[str, float]:
    return {way: row[key] / row["all"] for way, row in counts.items()}
