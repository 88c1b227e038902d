"""Makes `impostors.npz`: nobody's embeddings, from the distribution of many people's.

A mixture of Gaussians is fitted to the embeddings of all faces; what is stored are draws from it
with the kind of face that each is of, and the mean covariance within one person (folders named
after people), as a matrix root.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from streamer.errors import DatasetError
from streamer.files import SHARED_MODE, write_file
from streamer.vision.crop import cut_crop
from streamer.vision.detect import HaarDetector, largest
from streamer.vision.files import read_image
from trainer.support.cutting import Cutter
from workers.classifier.impostors import Impostors
from workers.embedding.embedder import Embedder

DRAWS = 4000
COMPONENTS = 24
KINDS = 32
_REGULARISATION = 1e-4
MAX_PERSON_SIZE = 40
_MIN_FACES = 1000
_BATCH = 64
_ROWS = 512


@dataclass(frozen=True)
class FaceSet:
    """embeddings (n, 128); person (n,): index of the photo's folder."""

    embeddings: NDArray[np.float32]
    person: NDArray[np.int64]


def some_photos(
    photos: Sequence[Path], roots: Sequence[Path], most: int, seed: int = 0
) -> list[Path]:
    """Return at most about so many photos of each root, all of a person's or none; 0 for all.

    Folders of more than 40 photos are no person's: their photos are picked one by one.
    """
    if not most:
        return list(photos)
    rng = np.random.default_rng(seed)
    chosen: list[Path] = []
    of_root: dict[int, dict[Path, list[Path]]] = {}
    for photo in photos:
        number = next(n for n, root in enumerate(roots) if photo.is_relative_to(root))
        of_root.setdefault(number, {}).setdefault(photo.parent, []).append(photo)
    for folders in of_root.values():
        lots: list[list[Path]] = []
        for own in folders.values():
            lots += [own] if len(own) <= MAX_PERSON_SIZE else [[photo] for photo in own]
        count = 0
        for number in rng.permutation(len(lots)):
            if count >= most:
                break
            chosen += lots[number]
            count += len(lots[number])
    return sorted(chosen)


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


def within_person_root(faces: FaceSet) -> NDArray[np.float32]:
    """Return a (128, 128) root of the mean covariance within people who have 2 to 40 photos.

    Larger folders are no person's, or weigh too much.
    """
    total = np.zeros((faces.embeddings.shape[1],) * 2)
    freedom = 0
    for person in np.unique(faces.person):
        own = faces.embeddings[faces.person == person]
        if 2 <= len(own) <= MAX_PERSON_SIZE:
            centred = own - own.mean(axis=0)
            total += centred.T @ centred
            freedom += len(own) - 1
    if freedom < faces.embeddings.shape[1]:
        raise DatasetError("impostors need folders of people with two photos and more")
    values, vectors = np.linalg.eigh(total / freedom)
    root = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    return np.asarray(root, np.float32)


def draw_impostors(
    faces: FaceSet, draws: int = DRAWS
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Draw (draws, 128) unit vectors from a mixture of Gaussians; and say of which kind each is.

    A draw that is nearer to any face than nine in ten people are to whoever is most like them is
    thrown away. Raises DatasetError where nothing else is drawn.
    """
    limit = _likeness_limit(faces)
    # A Gaussian of a few faces would draw those faces again.
    mixture = GaussianMixture(
        max(1, min(COMPONENTS, len(faces.embeddings) // 512)),
        covariance_type="full",
        reg_covar=_REGULARISATION,
        random_state=0,
        max_iter=60,
    )
    mixture.fit(faces.embeddings)
    drawn = mixture.sample(4 * draws)[0]
    drawn = np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)
    # They come component by component; users of a part of them want all components.
    order = np.random.default_rng(0).permutation(len(drawn))
    far = order[_nearest(drawn[order], faces.embeddings) <= limit][:draws]
    if len(far) < draws:
        raise DatasetError("impostors: most draws are too near to a face; give more people")
    clusters = KMeans(min(KINDS, draws), n_init=1, random_state=0).fit(drawn[far])
    return drawn[far], np.asarray(clusters.labels_, np.int64)


def _likeness_limit(faces: FaceSet) -> float:
    """Return the similarity to the most similar other that nine in ten people do not reach.

    Only folders that are a person's tell people apart; others may show somebody twice.
    """
    size = np.bincount(faces.person)[faces.person]
    first = np.zeros(len(size), bool)
    first[np.unique(faces.person, return_index=True)[1]] = True
    people = faces.embeddings[first & (size <= MAX_PERSON_SIZE)]
    if len(people) < 2:
        raise DatasetError("impostors need folders of people with two photos and more")
    return float(np.quantile(_nearest(people, people, itself=True), 0.9))


def _nearest(
    embeddings: NDArray[np.float32], others: NDArray[np.float32], itself: bool = False
) -> NDArray[np.float32]:
    """Return each row's similarity to the most similar of the others, or but for itself."""
    found = []
    for start in range(0, len(embeddings), _ROWS):
        alike = embeddings[start : start + _ROWS] @ others.T
        if itself:
            rows = np.arange(len(alike))
            alike[rows, start + rows] = -1.0
        found.append(alike.max(axis=1))
    return np.concatenate(found)


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


def write_impostors(path: Path, impostors: Impostors) -> None:
    """Write the file in one step."""
    buffer = io.BytesIO()
    arrays: dict[str, NDArray[np.generic]] = {
        "embeddings": impostors.embeddings.astype(np.float16),
        "variation": impostors.variation.astype(np.float16),
        "fingerprint": np.array(impostors.fingerprint),
    }
    if impostors.kind is not None:
        arrays["kind"] = impostors.kind.astype(np.uint8)
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # a flag comes before them
    write_file(path, buffer.getvalue(), SHARED_MODE)
