"""The 128 numbers that a student is to give for each face, from its teachers' descriptors."""

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.constants import EMBEDDING_SIZE
from streamer.files import write_file
from streamer.vision.align import Alignment
from streamer.vision.faces import DetectedFace, crop_face
from streamer.vision.landmarks import Landmarks
from trainer.distillation.reduction import Reduction, reduction_of
from trainer.teachers.contexts import square
from trainer.teachers.descriptors import SideBySide
from trainer.teachers.faces import Faces
from workers.embedding.tensorflow_graph import build_embedder
from workers.network.weights_file import Weights

_COMPARED = 4096
_BATCH = 64
_TEMPERATURE, _CENTRED_TEMPERATURE = 0.02, 0.05


@dataclass(frozen=True)
class Targets:
    """vectors (n, 128) float32, unit; key: a digest of what they were made from.

    temperature: of the softmax over similarities, which lie closer together where they are not
    centred. `reduce` makes a target of what each teacher says of one more picture.
    """

    vectors: NDArray[np.float32]
    key: str
    temperature: float
    reduce: Callable[[Sequence[NDArray[np.float32]]], NDArray[np.float32]]


def targets_for(
    faces: Faces,
    shares: Sequence[float],
    start: Weights | None,
    alignment: Alignment,
    folder: Path,
) -> Targets:
    """Make the targets, or read them where an earlier run made the same.

    A single teacher's 128 numbers are targets as they are. Others are laid side by side in
    their shares, reduced, and turned towards what the start, if there is one, gives for some of
    the faces, so that the first steps need not turn the whole network.
    """
    content = hashlib.sha256(repr((tuple(shares), alignment)).encode())
    content.update(start.fingerprint.encode() if start else b"")
    for one in faces.descriptors:
        content.update(one.tobytes())
    key = content.hexdigest()[:20]
    if len(faces.descriptors) == 1 and faces.descriptors[0].shape[1] == EMBEDDING_SIZE:
        return Targets(faces.descriptors[0], key, _TEMPERATURE, lambda described: described[0])
    path = folder / f"targets-{key}.npz"
    side_by_side = SideBySide.of(faces.descriptors, shares)
    descriptors = side_by_side(faces.descriptors)
    if not path.is_file():
        made = _reduction(descriptors, faces, start, alignment)
        buffer = io.BytesIO()
        np.savez(buffer, mean=made.mean, components=made.components, kept=made.kept)
        write_file(path, buffer.getvalue())
    with np.load(path, allow_pickle=False) as stored:
        reduction = Reduction(stored["mean"], stored["components"], float(stored["kept"]))
    return Targets(
        reduction(descriptors),
        key,
        _CENTRED_TEMPERATURE,
        lambda described: reduction(side_by_side(described)),
    )


def _reduction(
    descriptors: NDArray[np.float32], faces: Faces, start: Weights | None, alignment: Alignment
) -> Reduction:
    reduction = reduction_of(descriptors, EMBEDDING_SIZE)
    if start is not None:
        chosen = np.random.default_rng(1).permutation(len(descriptors))[:_COMPARED]
        embed = build_embedder(start)
        given = [
            embed(np.stack([_crop(faces, int(index), alignment) for index in some]))
            for some in np.array_split(chosen, -(-len(chosen) // _BATCH))
        ]
        reduction = reduction.turned(reduction(descriptors[chosen]), np.concatenate(given))
    return reduction


def _crop(faces: Faces, index: int, alignment: Alignment) -> NDArray[np.uint8]:
    context_bgr = np.ascontiguousarray(faces.contexts[index][:, :, ::-1])
    face = DetectedFace(square(), Landmarks(faces.points[index], confidence=1.0))
    return crop_face(context_bgr, face, alignment)
