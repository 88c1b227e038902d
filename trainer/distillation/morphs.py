"""Faces of nobody for distillation: pairs of faces blended, and described by the teacher.

A student that sees the same photos for many epochs learns them by heart. Between any two faces
lies another, whose descriptor the teacher can tell as well as theirs (Beyer et al. 2022,
"Knowledge distillation: a good teacher is patient and consistent": mixed pictures, with the
teacher's answer to the very picture). The eyes and the nose of one are laid over the other's.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.files import write_file
from trainer.distillation.face_cache import (
    CONTEXT_ENLARGE,
    CONTEXT_SIZE,
    FaceCache,
    describe,
    read_shard,
)
from trainer.distillation.teacher import CHIP_PADDING, CHIP_SIZE, load_teacher, teacher_file

_SHARD = 1024
_CANDIDATES = 12
_ONE_PERSON = 0.94
_SHARES = (0.35, 0.65)
Picture = NDArray[np.uint8]


def build_morphs(
    cache: FaceCache,
    count: int,
    folder: Path,
    on_progress: Callable[[int, int], None],
    seed: int = 1,
) -> FaceCache:
    """So many blends of the cache's faces, or what an earlier run has already made of them."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[FaceCache] = []
    tools: Any = None
    for number, start in enumerate(range(0, count, _SHARD)):
        size = min(_SHARD, count - start)
        path = folder / f"morphs-{len(cache.paths)}-{seed}-{number:04d}-{size}.npz"
        if not path.is_file():
            tools = tools or (load_teacher(), _landmarks())
            write_file(path, _shard(cache, size, np.random.default_rng([seed, number]), *tools))
        parts.append(read_shard(path))
        on_progress(start + size, count)
    return joined([FaceCache(cache.contexts[:0], cache.descriptors[:0], []), *parts])


def joined(parts: list[FaceCache]) -> FaceCache:
    """Several caches as one."""
    return FaceCache(
        np.concatenate([part.contexts for part in parts]),
        np.concatenate([part.descriptors for part in parts]),
        [path for part in parts for path in part.paths],
    )


def blend(one: Picture, other: Picture, points: Any, share: float) -> Picture:
    """Lay `other` over `one` by similarity of their landmarks, and mix them.

    points: the landmarks of both, (5, 2) each, in pixels; share of `one`, 0 to 1.
    """
    turn, _ = cv2.estimateAffinePartial2D(points[1], points[0], method=cv2.LMEDS)
    if turn is None:
        return one
    size = (one.shape[1], one.shape[0])
    laid = cv2.warpAffine(other, turn, size, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(cv2.addWeighted(one, share, laid, 1 - share, 0), np.uint8)


def _landmarks() -> Callable[[Picture], tuple[Any, NDArray[np.float32]]]:
    import dlib  # only where the teacher is installed

    predict = dlib.shape_predictor(str(teacher_file("shape_predictor_5_face_landmarks.dat")))
    side = CONTEXT_SIZE / CONTEXT_ENLARGE
    low, high = round((CONTEXT_SIZE - side) / 2), round((CONTEXT_SIZE + side) / 2)
    square = dlib.rectangle(low, low, high, high)

    def find(context: Picture) -> tuple[Any, NDArray[np.float32]]:
        shape = predict(context, square)
        return shape, np.array([(p.x, p.y) for p in shape.parts()], np.float32)

    return find


def _shard(
    cache: FaceCache, size: int, rng: np.random.Generator, teacher: Any, landmarks: Any
) -> bytes:
    import dlib

    contexts, chips, names = [], [], []
    for one in rng.integers(0, len(cache.paths), size):
        candidates = rng.integers(0, len(cache.paths), _CANDIDATES)
        alike = cache.descriptors[candidates] @ cache.descriptors[one]
        other = int(candidates[np.where(alike < _ONE_PERSON, alike, -1.0).argmax()])
        first, second = cache.contexts[one], cache.contexts[other]
        (shape, points), (_, others) = landmarks(first), landmarks(second)
        mixed = blend(first, second, (points, others), rng.uniform(*_SHARES))
        contexts.append(mixed)
        chips.append(dlib.get_face_chip(mixed, shape, CHIP_SIZE, CHIP_PADDING))
        names.append(f"{cache.paths[one]} + {cache.paths[other]}")
    buffer = io.BytesIO()
    np.savez(
        buffer,
        contexts=np.array(contexts, np.uint8),
        descriptors=describe(np.array(chips, np.uint8), teacher).astype(np.float32),
        paths=np.array(names, np.str_),
    )
    return buffer.getvalue()
