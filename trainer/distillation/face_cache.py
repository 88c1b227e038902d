"""Faces cut once for distillation: a context crop and the teacher's descriptor for each photo.

The cache is a folder of shards, each written in one step, so that a run that was killed goes
on with the first shard that is missing.
"""

import hashlib
import io
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.files import write_file
from streamer.runtime.cores import available_cores
from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from streamer.vision.detect import HaarDetector, largest
from streamer.vision.images import read_image
from trainer.distillation.teacher import CHIP_PADDING, CHIP_SIZE, load_teacher, teacher_file
from trainer.support.stopping import end_with_parent
from workers.embedding.interface import EmbedFunction

CONTEXT_ENLARGE = 1.5
CONTEXT_SIZE = 160
SHARD_PHOTOS = 512


@dataclass(frozen=True)
class FaceCache:
    """contexts: (n, 160, 160, 3) uint8 RGB; descriptors: (n, 128) float32 unit vectors."""

    contexts: NDArray[np.uint8]
    descriptors: NDArray[np.float32]
    paths: list[str]


@dataclass(frozen=True)
class CutFace:
    """One photo's face: what the student sees and what the teacher sees."""

    context_rgb: NDArray[np.uint8]
    chip_rgb: NDArray[np.uint8]


def build_cache(
    photos: Sequence[Path], folder: Path, on_progress: Callable[[int, int], None]
) -> FaceCache:
    """Cut and describe every photo, or read what an earlier run has already done.

    `on_progress(done, total)` is called after every shard, in photos. Photos in which neither
    the cascade nor dlib finds a face are left out; `faceless.txt` in the folder lists them.
    """
    shards = [photos[start : start + SHARD_PHOTOS] for start in range(0, len(photos), SHARD_PHOTOS)]
    folder.mkdir(parents=True, exist_ok=True)
    missing = [shard for shard in shards if not _shard_path(folder, shard).is_file()]
    done = sum(len(shard) for shard in shards) - sum(len(shard) for shard in missing)
    on_progress(done, len(photos))
    if missing:
        teacher = load_teacher()
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(
            available_cores(), mp_context=context, initializer=end_with_parent
        ) as pool:
            for shard in missing:
                _write_shard(folder, shard, list(pool.map(cut_photo, shard, chunksize=8)), teacher)
                done += len(shard)
                on_progress(done, len(photos))
    parts = [read_shard(_shard_path(folder, shard)) for shard in shards]
    paths = [path for part in parts for path in part.paths]
    faceless = sorted({str(photo) for photo in photos} - set(paths))
    (folder / "faceless.txt").write_text("".join(f"{path}\n" for path in faceless))
    return FaceCache(
        np.concatenate([part.contexts for part in parts]),
        np.concatenate([part.descriptors for part in parts]),
        paths,
    )


@cache
def _tools() -> tuple[HaarDetector, Any, Any]:
    import dlib  # only where the teacher is installed

    cv2.setNumThreads(1)
    landmarks = dlib.shape_predictor(str(teacher_file("shape_predictor_5_face_landmarks.dat")))
    return HaarDetector(), dlib.get_frontal_face_detector(), landmarks


def cut_photo(path: Path) -> CutFace | None:
    """Find the most prominent face of a photo; None if there is no face or no picture."""
    import dlib

    haar, hog, landmarks = _tools()
    image_bgr = read_image(path)
    if image_bgr is None:
        return None
    image_rgb = np.ascontiguousarray(image_bgr[:, :, ::-1])
    box = largest(haar.detect(image_bgr))
    rectangles = list(hog(image_rgb, 0))
    rectangle = max(rectangles, key=lambda r: r.area(), default=None)
    if box is None:
        if rectangle is None:
            return None
        box = Box(rectangle.left(), rectangle.top(), rectangle.width(), rectangle.height())
    if rectangle is None or not rectangle.contains(
        dlib.point(round(box.x + box.width / 2), round(box.y + box.height / 2))
    ):
        x, y, width, height = box.rounded()
        rectangle = dlib.rectangle(x, y, x + width, y + height)
    shape = landmarks(image_rgb, rectangle)
    return CutFace(
        cut_crop(image_bgr, box, CONTEXT_ENLARGE, CONTEXT_SIZE),
        dlib.get_face_chip(image_rgb, shape, CHIP_SIZE, CHIP_PADDING),
    )


def describe(chips_rgb: NDArray[np.uint8], teacher: EmbedFunction) -> NDArray[np.float32]:
    """Return the unit mean of the teacher's descriptors of each chip and of its mirror image."""
    described = []
    for start in range(0, len(chips_rgb), 32):
        chips = chips_rgb[start : start + 32]
        total = teacher(chips) + teacher(np.ascontiguousarray(chips[:, :, ::-1]))
        described.append(total / np.linalg.norm(total, axis=1, keepdims=True))
    return np.concatenate(described) if described else np.empty((0, 128), np.float32)


def _shard_path(folder: Path, shard: Sequence[Path]) -> Path:
    # One name for the same photos: path and size of each.
    digest = hashlib.sha256()
    for path in shard:
        digest.update(f"{path} {path.stat().st_size}\n".encode())
    return folder / f"shard-{digest.hexdigest()[:20]}.npz"


def _write_shard(
    folder: Path, shard: Sequence[Path], faces: list[CutFace | None], teacher: EmbedFunction
) -> None:
    found = [(str(path), face) for path, face in zip(shard, faces, strict=True) if face]
    contexts = np.array([face.context_rgb for _, face in found], np.uint8)
    chips = np.array([face.chip_rgb for _, face in found], np.uint8)
    buffer = io.BytesIO()
    np.savez(
        buffer,
        contexts=contexts.reshape(-1, CONTEXT_SIZE, CONTEXT_SIZE, 3),
        descriptors=describe(chips, teacher).astype(np.float32),
        paths=np.array([path for path, _ in found], np.str_),
    )
    write_file(_shard_path(folder, shard), buffer.getvalue())


def read_shard(path: Path) -> FaceCache:
    """One file of a cache."""
    with np.load(path, allow_pickle=False) as shard:
        return FaceCache(shard["contexts"], shard["descriptors"], shard["paths"].tolist())
