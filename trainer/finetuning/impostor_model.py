"""Makes `impostors.npz`: nobody's embeddings, from the distribution of many people's.

A mixture of Gaussians is fitted to the embeddings of all faces; what is stored are draws from
it, and the mean covariance within one person (folders named after people), as a matrix root.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture

from streamer.errors import DatasetError
from streamer.files import write_file
from streamer.vision.crop import cut_crop
from streamer.vision.detect import HaarDetector, largest
from streamer.vision.images import read_image
from trainer.support.cutting import Cutter
from workers.embedding.embedder import Embedder

DRAWS = 4000
COMPONENTS = 24
_REGULARISATION = 1e-4
_MIN_FACES = 1000
_BATCH = 64


@dataclass(frozen=True)
class FaceSet:
    """embeddings (n, 128); person (n,): index of the photo's folder."""

    embeddings: NDArray[np.float32]
    person: NDArray[np.int64]


def embed_photos(
    photos: Sequence[Path],
    embedder: Embedder,
    on_progress: Callable[[int], None],
    cut: Cutter = cut_crop,
) -> FaceSet:
    """Cut the largest Haar face of every photo; photos without a face are left out."""
    detector = HaarDetector()
    folders: dict[Path, int] = {}
    crops: list[NDArray[np.uint8]] = []
    person: list[int] = []
    parts: list[NDArray[np.float32]] = []
    for photo in photos:
        image = read_image(photo)
        box = largest(detector.detect(image)) if image is not None else None
        crop = cut(image, box) if image is not None and box is not None else None
        if crop is not None:
            crops.append(crop)
            person.append(folders.setdefault(photo.parent, len(folders)))
        if len(crops) == _BATCH:
            parts.append(embedder.embed(np.stack(crops)))
            crops = []
        on_progress(1)
    if crops:
        parts.append(embedder.embed(np.stack(crops)))
    if len(person) < _MIN_FACES:
        raise DatasetError(
            f"impostors need at least {_MIN_FACES} photos with a face. Received: {len(person)}"
        )
    return FaceSet(np.concatenate(parts), np.array(person))


def within_person_root(faces: FaceSet, max_people_size: int = 40) -> NDArray[np.float32]:
    """Return a (128, 128) root of the mean covariance within people who have 2 to 40 photos.

    Larger folders are no person's, or weigh too much.
    """
    total = np.zeros((faces.embeddings.shape[1],) * 2)
    freedom = 0
    for person in np.unique(faces.person):
        own = faces.embeddings[faces.person == person]
        if 2 <= len(own) <= max_people_size:
            centred = own - own.mean(axis=0)
            total += centred.T @ centred
            freedom += len(own) - 1
    if freedom < faces.embeddings.shape[1]:
        raise DatasetError("impostors need folders of people with two photos and more")
    values, vectors = np.linalg.eigh(total / freedom)
    root = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    return np.asarray(root, np.float32)


def draw_impostors(faces: FaceSet, draws: int = DRAWS) -> NDArray[np.float32]:
    """(draws, 128) unit vectors from a mixture of Gaussians fitted to the faces."""
    mixture = GaussianMixture(
        COMPONENTS, covariance_type="full", reg_covar=_REGULARISATION, random_state=0, max_iter=60
    )
    mixture.fit(faces.embeddings)
    # They come component by component; users of a part of them want all components.
    drawn = np.random.default_rng(0).permutation(mixture.sample(draws)[0])
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return np.asarray(drawn, np.float32)


def carried_over(
    impostors: NDArray[np.float32], before: NDArray[np.float32], after: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Impostors (n, 128) for a network that was tuned a little from the one they belong to.

    The linear map that best takes the same crops' embeddings from `before` to `after`, drawn
    towards no change where they say little, is applied to the impostors. An estimate: the
    real thing needs many people's photos (`facestream train impostors`).
    """
    size = before.shape[1]
    strength = 1e-3 * np.trace(before.T @ before) / size + 1e-9
    gram = before.T @ before + strength * np.eye(size)
    change = np.linalg.solve(gram, before.T @ (after - before))
    moved = impostors + impostors @ change
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), np.float32)


def write_impostors(
    path: Path, embeddings: NDArray[np.float32], variation: NDArray[np.float32], fingerprint: str
) -> None:
    """Write the file in one step."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        embeddings=embeddings.astype(np.float16),
        variation=variation.astype(np.float16),
        fingerprint=np.array(fingerprint),
    )
    write_file(path, buffer.getvalue())
