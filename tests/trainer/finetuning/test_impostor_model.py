from pathlib import Path

import numpy as np
import pytest

from streamer.errors import DatasetError
from trainer.finetuning.impostor_model import (
    FaceSet,
    draw_impostors,
    embed_photos,
    within_person_root,
)
from workers.classifier.impostors import Impostors
from workers.embedding.embedder import Embedder
from workers.network.weights_file import read_fingerprint


def test_the_shipped_impostors_belong_to_the_shipped_weights(impostors: Impostors) -> None:
    assert impostors.fingerprint == read_fingerprint()
    assert len(impostors.embeddings) >= 1000
    assert np.allclose(np.linalg.norm(impostors.embeddings, axis=1), 1, atol=1e-3)


def test_draws_have_the_distribution_of_the_faces_and_are_none_of_them() -> None:
    rng = np.random.default_rng(0)
    people = rng.normal(0, 1, (300, 128)) * np.linspace(2, 0.2, 128) + 0.5
    faces = np.repeat(people, 4, axis=0) + rng.normal(0, 0.1, (1200, 128))
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    found = FaceSet(faces.astype(np.float32), np.repeat(np.arange(300), 4))
    drawn = draw_impostors(found, 500)
    assert drawn.shape == (500, 128)
    assert np.allclose(drawn.mean(axis=0), faces.mean(axis=0), atol=0.02)
    assert (2 - 2 * drawn @ faces.T).min() > 1e-3
    root = within_person_root(found)
    spread = np.trace(root @ root.T)
    assert 0 < spread < np.trace(np.cov(faces.T)) / 5


def test_faces_that_cannot_be_cut_are_left_out(
    portraits: dict[str, Path], embedder: Embedder
) -> None:
    photos = sorted(portraits.values())
    with pytest.raises(DatasetError, match="Received: 2"):
        embed_photos(photos, embedder, lambda done: None)
    with pytest.raises(DatasetError, match="Received: 0"):
        embed_photos(photos, embedder, lambda done: None, lambda image, box: None)
