"""Faces cut and described once: context crops, landmarks, the descriptors of each teacher.

The cache is a folder of shards: one with the faces of some photos, and one with what each
teacher says of them. Each is written in one step, so that a run that was killed goes on with
the first that is missing, and another teacher describes faces that are cut already.
"""

import io
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.files import write_file
from streamer.runtime.cores import available_cores
from trainer.support.photos import photos_key
from trainer.support.stopping import end_with_parent
from trainer.teachers.contexts import CONTEXT_SIZE, cut_photo
from trainer.teachers.teacher import Teacher, describe

_SHARD_PHOTOS = 256


@dataclass(frozen=True)
class Faces:
    """contexts: (n, 160, 160, 3) uint8 RGB; points: (n, 5, 2) in pixels of them.

    descriptors: for each teacher (n, numbers) float32, unit vectors; (0, 0) where n is 0.
    """

    contexts: NDArray[np.uint8]
    points: NDArray[np.float64]
    descriptors: tuple[NDArray[np.float32], ...]
    paths: list[str]

    def of(self, keep: NDArray[np.bool_]) -> "Faces":
        """Return some of the faces."""
        paths = [path for path, kept in zip(self.paths, keep, strict=True) if kept]
        described = tuple(one[keep] for one in self.descriptors)
        return Faces(self.contexts[keep], self.points[keep], described, paths)


def build_faces(
    photos: Sequence[Path],
    folder: Path,
    teachers: Sequence[Teacher],
    on_progress: Callable[[int, int], None],
) -> Faces:
    """Cut and describe every photo, or read what an earlier run has already done.

    `on_progress(done, total)` is called after every shard, in photos. Photos in which the
    cascade and the landmarks find no face are left out; `faceless.txt` in the folder lists them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    with ExitStack() as stack:
        pool: Executor | None = None
        for start in range(0, len(photos), _SHARD_PHOTOS):
            shard = photos[start : start + _SHARD_PHOTOS]
            path = folder / f"faces-{photos_key(shard)}.npz"
            if not path.is_file():
                pool = pool or stack.enter_context(_processes())
                write_file(path, _cut(shard, pool))
            parts.append(_described(path, teachers))
            on_progress(start + len(shard), len(photos))
    faces = joined(parts, len(teachers))
    faceless = sorted({str(photo) for photo in photos} - set(faces.paths))
    write_file(folder / "faceless.txt", "".join(f"{path}\n" for path in faceless).encode())
    return faces


def joined(parts: Sequence[Faces], teachers: int) -> Faces:
    """Return several caches of the same so many teachers as one."""
    some = [part for part in parts if part.paths]
    if not some:
        empty = np.empty((0, 0), np.float32)
        return Faces(_pictures([]), np.empty((0, 5, 2)), (empty,) * teachers, [])
    described = zip(*(part.descriptors for part in some), strict=True)
    return Faces(
        np.concatenate([part.contexts for part in some]),
        np.concatenate([part.points for part in some]),
        tuple(np.concatenate(of_one) for of_one in described),
        [path for part in some for path in part.paths],
    )


def _processes() -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(available_cores(), mp_context=context, initializer=_begin)


def _begin() -> None:
    end_with_parent()
    cv2.setNumThreads(1)


def _cut(photos: Sequence[Path], pool: Executor) -> bytes:
    cut = zip(photos, pool.map(cut_photo, photos, chunksize=8), strict=True)
    found = [(str(path), face) for path, face in cut if face is not None]
    buffer = io.BytesIO()
    np.savez(
        buffer,
        contexts=_pictures([face.context_rgb for _, face in found]),
        points=np.array([face.points for _, face in found], np.float64).reshape(-1, 5, 2),
        paths=np.array([path for path, _ in found], np.str_),
    )
    return buffer.getvalue()


def _described(path: Path, teachers: Sequence[Teacher]) -> Faces:
    with np.load(path, allow_pickle=False) as shard:
        contexts, points, paths = shard["contexts"], shard["points"], shard["paths"].tolist()
    described = []
    for teacher in teachers:
        own = path.with_name(f"{path.stem}-{teacher.key}.npy")
        if not own.is_file():
            buffer = io.BytesIO()
            np.save(buffer, describe(teacher, contexts, points), allow_pickle=False)
            write_file(own, buffer.getvalue())
        described.append(np.load(own, allow_pickle=False))
    return Faces(contexts, points, tuple(described), paths)


def _pictures(contexts: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.array(contexts, np.uint8).reshape(-1, CONTEXT_SIZE, CONTEXT_SIZE, 3)
