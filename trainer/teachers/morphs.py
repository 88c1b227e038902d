"""Faces of nobody for distillation: pairs of faces blended, and described by the teachers.

A student that sees the same photos for many epochs learns them by heart. Between any two faces
lies another, whose descriptor a teacher can tell as well as theirs (Beyer et al. 2022,
"Knowledge distillation: a good teacher is patient and consistent": mixed pictures, with the
teacher's answer to the very picture). The landmarks of one are laid over the other's.
"""

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.files import write_file
from streamer.vision.align import similarity_transform
from trainer.teachers.faces import Faces, joined
from trainer.teachers.teacher import Teacher, describe

_SHARD = 1024
_CANDIDATES = 12
_SHARES = (0.35, 0.65)
_COMPARED = 1024
_STRANGERS = 0.995  # this share of pairs are less alike than two pictures of one person
Picture = NDArray[np.uint8]
Points = NDArray[np.float64]


def build_morphs(
    faces: Faces,
    vectors: NDArray[np.float32],
    count: int,
    *,
    teachers: Sequence[Teacher],
    folder: Path,
    on_progress: Callable[[int, int], None],
    seed: int = 1,
) -> Faces:
    """Make so many blends of the faces, or read what an earlier run has made of them.

    vectors: (n, numbers) of the faces. A face is blended with one that is alike, but not as
    much as two pictures of one person.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = hashlib.sha256(vectors.tobytes() + repr(seed).encode())
    for teacher in teachers:
        content.update(teacher.key.encode())
    parts = []
    for number, start in enumerate(range(0, count, _SHARD)):
        size = min(_SHARD, count - start)
        path = folder / f"morphs-{content.hexdigest()[:20]}-{number:04d}-{size}.npz"
        if not path.is_file():
            pairs = _pairs(vectors, size, np.random.default_rng([seed, number]))
            write_file(path, _packed(_blends(faces, pairs, teachers)))
        parts.append(_read(path, len(teachers)))
        on_progress(start + size, count)
    return joined(parts, len(teachers))


def blend(one: Picture, other: Picture, points: tuple[Points, Points], share: float) -> Picture:
    """Lay `other` over `one` by similarity of their landmarks, and mix them.

    points: the landmarks of both, (5, 2) each, in pixels; share of `one`, 0 to 1.
    """
    size = (one.shape[1], one.shape[0])
    turn = similarity_transform(points[1], points[0])
    laid = cv2.warpAffine(other, turn, size, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(cv2.addWeighted(one, share, laid, 1 - share, 0), np.uint8)


def _pairs(
    vectors: NDArray[np.float32], count: int, rng: np.random.Generator
) -> list[tuple[int, int, float]]:
    """Choose faces to blend: the one, the other, and the share of the one."""
    some = vectors[rng.permutation(len(vectors))[:_COMPARED]]
    one_person = float(np.quantile((some @ some.T)[np.triu_indices(len(some), 1)], _STRANGERS))
    pairs = []
    for one in rng.integers(0, len(vectors), count):
        candidates = rng.integers(0, len(vectors), _CANDIDATES)
        similarity = vectors[candidates] @ vectors[one]
        other = candidates[np.where(similarity < one_person, similarity, -1.0).argmax()]
        pairs.append((int(one), int(other), float(rng.uniform(*_SHARES))))
    return pairs


def _blends(
    faces: Faces, pairs: Sequence[tuple[int, int, float]], teachers: Sequence[Teacher]
) -> Faces:
    contexts = np.stack(
        [
            blend(
                faces.contexts[one],
                faces.contexts[other],
                (faces.points[one], faces.points[other]),
                share,
            )
            for one, other, share in pairs
        ]
    )
    points = np.stack([faces.points[one] for one, _, _ in pairs])
    described = tuple(describe(teacher, contexts, points) for teacher in teachers)
    names = [f"{faces.paths[one]} + {faces.paths[other]}" for one, other, _ in pairs]
    return Faces(contexts, points, described, names)


def _packed(faces: Faces) -> bytes:
    buffer = io.BytesIO()
    described = {f"descriptors_{index}": one for index, one in enumerate(faces.descriptors)}
    np.savez(
        buffer,
        contexts=faces.contexts,
        points=faces.points,
        paths=np.array(faces.paths, np.str_),
        **described,  # type: ignore[arg-type]
    )
    return buffer.getvalue()


def _read(path: Path, teachers: int) -> Faces:
    with np.load(path, allow_pickle=False) as shard:
        described = tuple(shard[f"descriptors_{index}"] for index in range(teachers))
        return Faces(shard["contexts"], shard["points"], described, shard["paths"].tolist())
