"""What the landmarks network learns from: faces with a teacher's points, and squares without one.

Squares without a face are what the cascade takes for one in pictures that stand on their heads,
and squares anywhere in them. The cache is a folder of shards, each written in one step.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.files import write_file
from streamer.vision.align import misfit
from streamer.vision.boxes import Box
from streamer.vision.detect import HaarDetector
from trainer.landmarks.points_teacher import PointsTeacher
from trainer.support.photos import photos_key
from trainer.teachers.contexts import CONTEXT_SIZE, cut_context, find_face, read_photo

_SHARD_PHOTOS = 256
_MOST_MISFIT = 0.3
_FACELESS_EVERY = 8  # so many photos give some squares without a face
_MOST_FOUND = 3


@dataclass(frozen=True)
class LandmarkFaces:
    """contexts (n, 160, 160, 3) uint8 RGB; points (n, 5, 2) float32 in pixels of them.

    faceless: (m, 160, 160, 3) without any face.
    """

    contexts: NDArray[np.uint8]
    points: NDArray[np.float32]
    faceless: NDArray[np.uint8]


def build_landmark_faces(
    photos: Sequence[Path],
    folder: Path,
    load_teacher: Callable[[], PointsTeacher],
    on_progress: Callable[[int, int], None],
) -> LandmarkFaces:
    """Cut every photo and mark its points, or read what an earlier run has already done.

    The teacher is loaded where something is left to do. `on_progress(done, total)` is called
    after every shard, in photos.
    """
    folder.mkdir(parents=True, exist_ok=True)
    teacher: PointsTeacher | None = None
    parts = []
    for start in range(0, len(photos), _SHARD_PHOTOS):
        shard = photos[start : start + _SHARD_PHOTOS]
        path = folder / f"landmarks-{photos_key(shard)}.npz"
        if not path.is_file():
            teacher = teacher or load_teacher()
            write_file(path, _shard(shard, teacher, np.random.default_rng(start)))
        with np.load(path, allow_pickle=False) as stored:
            parts.append(LandmarkFaces(stored["contexts"], stored["points"], stored["faceless"]))
        on_progress(start + len(shard), len(photos))
    return LandmarkFaces(
        np.concatenate([part.contexts for part in parts]),
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.faceless for part in parts]),
    )


def _shard(photos: Sequence[Path], teacher: PointsTeacher, rng: np.random.Generator) -> bytes:
    contexts, points = [], []
    faceless: list[NDArray[np.uint8]] = []
    loose = HaarDetector(neighbours=1)
    for number, photo in enumerate(photos):
        found = find_face(photo)
        if found is not None:
            context = cut_context(*found)
            places = teacher(context)
            if misfit(places) <= _MOST_MISFIT:
                contexts.append(context)
                points.append(places)
        if number % _FACELESS_EVERY == 0:
            faceless += _without_face(photo, loose, rng)
    buffer = io.BytesIO()
    np.savez(
        buffer,
        contexts=_pictures(contexts),
        points=np.array(points, np.float32).reshape(-1, 5, 2),
        faceless=_pictures(faceless),
    )
    return buffer.getvalue()


def _without_face(
    photo: Path, detector: HaarDetector, rng: np.random.Generator
) -> list[NDArray[np.uint8]]:
    image = read_photo(photo)
    if image is None or min(image.shape[:2]) < CONTEXT_SIZE // 2:
        return []
    turned = np.ascontiguousarray(image[::-1])
    side = rng.uniform(0.2, 0.6) * min(image.shape[:2])
    left = rng.uniform(0, image.shape[1] - side)
    top = rng.uniform(0, image.shape[0] - side)
    boxes = [*detector.detect(turned)[:_MOST_FOUND], Box(left, top, side, side)]
    return [cut_context(turned, box) for box in boxes]


def _pictures(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.array(pictures, np.uint8).reshape(-1, CONTEXT_SIZE, CONTEXT_SIZE, 3)
