from pathlib import Path

import numpy as np
import pytest

from streamer.errors import DatasetError
from trainer.finetuning.impostor_model import (
    FaceSet,
    draw_impostors,
    embed_photos,
    some_photos,
    within_person_root,
)
from workers.classifier.impostors import Impostors
from workers.embedding.embedder import Embedder
from workers.network.weights_file import read_fingerprint


def test_the_shipped_impostors_belong_to_the_shipped_weights(impostors: Impostors) -> None:
    assert impostors.fingerprint == read_fingerprint()
    assert len(impostors.embeddings) >= 1000
    assert np.allclose(np.linalg.norm(impostors.embeddings, axis=1), 1, atol=1e-3)


def made_faces(seed: int = 0) -> FaceSet:
    """300 people of four photos each, who are unlike in the first numbers."""
    rng = np.random.default_rng(seed)
    people = rng.normal(0, 1, (300, 128)) * np.linspace(2, 0.2, 128) + 0.5
    faces = np.repeat(people, 4, axis=0) + rng.normal(0, 0.1, (1200, 128))
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    return FaceSet(faces.astype(np.float32), np.repeat(np.arange(300), 4))


def nearest(rows: np.ndarray, others: np.ndarray, itself: bool = False) -> np.ndarray:
    alike = rows @ others.T
    if itself:
        np.fill_diagonal(alike, -1)
    return np.asarray(alike.max(axis=1))


def test_draws_have_the_distribution_of_the_faces() -> None:
    found = made_faces()
    drawn, kind = draw_impostors(found, 500)
    assert drawn.shape == (500, 128)
    assert np.allclose(np.linalg.norm(drawn, axis=1), 1, atol=1e-5)
    assert np.allclose(drawn.mean(axis=0), found.embeddings.mean(axis=0), atol=0.04)
    assert kind.shape == (500,)
    assert len(np.unique(kind)) > 8
    root = within_person_root(found)
    spread = np.trace(root @ root.T)
    assert 0 < spread < np.trace(np.cov(found.embeddings.T)) / 5


def test_no_draw_is_nearer_to_a_face_than_people_are_to_each_other() -> None:
    found = made_faces()
    drawn, _ = draw_impostors(found, 500)
    people = found.embeddings[::4]
    allowed = np.quantile(nearest(people, people, itself=True), 0.9)
    assert nearest(drawn, found.embeddings).max() <= allowed + 1e-5


def test_photos_are_picked_person_by_person_and_singly_from_large_folders() -> None:
    roots = [Path("a"), Path("b")]
    photos = [Path(f"a/{person}/{n}.jpg") for person in range(50) for n in range(3)]
    photos += [Path(f"b/{n}.jpg") for n in range(100)]
    assert some_photos(photos, roots, 0) == photos
    some = some_photos(photos, roots, 30)
    assert len(some) == 60
    assert some == some_photos(photos, roots, 30)
    of_people = [photo.parent for photo in some if photo.is_relative_to("a")]
    assert len(set(of_people)) == 10


def test_faces_that_cannot_be_cut_are_left_out(
    portraits: dict[str, Path], embedder: Embedder
) -> None:
    photos = sorted(portraits.values())
    with pytest.raises(DatasetError, match="Received: 2"):
        embed_photos(photos, embedder, lambda done: None)
    with pytest.raises(DatasetError, match="Received: 0"):
        embed_photos(photos, embedder, lambda done: None, lambda image, box: None)
