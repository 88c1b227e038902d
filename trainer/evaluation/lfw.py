"""The LFW protocol with the project's own detection and crop, for any weights."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.constants import CROP_SIZE
from streamer.errors import DatasetError
from streamer.vision.boxes import Box
from streamer.vision.crop import CROP_ENLARGE, cut_crop
from streamer.vision.detect import FallbackDetector
from streamer.vision.files import read_image
from streamer.vision.images import resize_image
from streamer.vision.portrait import PortraitFinder
from trainer.datasets.pairs import Pair, Verification, verify
from trainer.support.cutting import Cutter
from workers.embedding.embedder import Embedder

_BATCH = 32
Alter = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


@dataclass(frozen=True)
class LfwResult:
    """Figures over all pairs, and what they were made from: similarity (n,), same (n,)."""

    figures: Verification
    similarity: NDArray[np.float64]
    same: NDArray[np.bool_]
    faces: int
    faces_missed: int


def cut_faces(
    pictures: Sequence[Path],
    on_progress: Callable[[int], None] = lambda done: None,
    cut: Cutter = cut_crop,
) -> list[NDArray[np.uint8] | None]:
    """Cut each picture's middle face, None where none is found. Raises DatasetError.

    Where `cut` says that a box is no face, the next to the middle is tried, and then the boxes of
    a looser search; the last is that of portraits.
    """
    searches = _Searches()
    crops: list[NDArray[np.uint8] | None] = []
    with ThreadPoolExecutor(2) as pool:
        for path, image in zip(pictures, pool.map(read_image, pictures), strict=True):
            if image is None:
                raise DatasetError(f"{path}: cannot be read as a picture")
            crops.append(_middle_crop(image, searches, cut))
            on_progress(1)
    return crops


def embed_faces(
    pictures: Sequence[Path],
    embedder: Embedder,
    on_progress: Callable[[int], None] = lambda done: None,
    alter: Alter | None = None,
    cut: Cutter = cut_crop,
) -> NDArray[np.float64]:
    """(n, 128), NaN where no face was found; `alter` changes each crop before it is embedded."""
    vectors = np.full((len(pictures), 128), np.nan)
    crops = cut_faces(pictures, on_progress, cut)
    found = [index for index, crop in enumerate(crops) if crop is not None]
    for start in range(0, len(found), _BATCH):
        some = found[start : start + _BATCH]
        faces = [crop for index in some if (crop := crops[index]) is not None]
        vectors[some] = embedder.embed(np.stack([alter(f) if alter else f for f in faces]))
    return vectors


def run_lfw(pairs: Sequence[Pair], vectors: Mapping[str, NDArray[np.float64]]) -> LfwResult:
    """Run the protocol over these pairs by cosine similarity, for any embedding.

    `vectors` are by picture name, of any length and norm; a picture that is not there, or whose
    vector is NaN, has no face, and its pairs count as wrong.
    """
    names = sorted({name for pair in pairs for name in (pair.first, pair.second)})
    known = {name: vectors[name] for name in names if name in vectors}
    unit = {name: vector / np.linalg.norm(vector) for name, vector in known.items()}
    similarity = np.array(
        [
            float(unit[pair.first] @ unit[pair.second])
            if pair.first in unit and pair.second in unit
            else np.nan
            for pair in pairs
        ]
    )
    same = np.array([pair.same for pair in pairs])
    figures = verify(similarity, same, np.array([pair.fold for pair in pairs]))
    missed = sum(name not in unit or bool(np.isnan(unit[name]).any()) for name in names)
    if missed == len(names):
        raise DatasetError("no face was found in any picture of the pairs")
    return LfwResult(figures, similarity, same, len(names), missed)


def small_face(side: int) -> Alter:
    """Alter a crop as if the face were `side` pixels wide in the picture."""

    def alter(crop_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        pixels = max(4, round(side * CROP_ENLARGE))
        return resize_image(resize_image(crop_rgb, pixels, pixels), CROP_SIZE, CROP_SIZE)

    return alter


def blurred(sigma: float) -> Alter:
    """Gaussian blur of `sigma` pixels of the 96 x 96 crop."""
    return lambda crop: np.asarray(cv2.GaussianBlur(crop, (0, 0), sigma), np.uint8)


def darkened(factor: float) -> Alter:
    """Every value times `factor`, as in poor light."""
    return lambda crop: np.asarray(np.rint(crop * factor), np.uint8)


def greyed(crop_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Take the colours out of a crop."""
    grey = cv2.cvtColor(crop_rgb, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)


class _Searches:
    """All ways to find a face in a picture that is known to show one, the strictest first."""

    def __init__(self) -> None:
        self._loose, self._portraits = FallbackDetector(), PortraitFinder()

    def __call__(self, image_bgr: NDArray[np.uint8]) -> Iterator[list[Box]]:
        """Yield what each search finds, as it is asked for."""
        yield from self._loose.searches(image_bgr)
        yield [face.box for face in self._portraits.find(image_bgr)]


def _middle_crop(
    image_bgr: NDArray[np.uint8], searches: _Searches, cut: Cutter
) -> NDArray[np.uint8] | None:
    """Cut the face nearest the middle: LFW's pictures are cut around their person."""
    height, width = image_bgr.shape[:2]

    def apart(box: Box) -> float:
        return math.hypot(box.x + (box.width - width) / 2, box.y + (box.height - height) / 2)

    for boxes in searches(image_bgr):
        for box in sorted(boxes, key=apart):
            crop = cut(image_bgr, box)
            if crop is not None:
                return crop
    return None
