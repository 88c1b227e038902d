"""Made people for tests: embeddings as the shipped distribution has them, and patches as crops."""

import numpy as np
from numpy.typing import NDArray

from streamer.capture.demo import collins_bgr, hopper_bgr
from streamer.vision.images import resize_image
from trainer.datasets.dataset import Dataset
from workers.classifier.impostors import Impostors


def made_people(
    impostors: Impostors, people: int, moments: int, each: int = 1
) -> tuple[NDArray[np.float32], Dataset]:
    """Embeddings and a dataset of people with so many moments of so many crops each.

    Some embeddings of the impostors stand for them; the crops are black.
    """
    rng = np.random.default_rng(3)
    count = moments * each
    chosen = rng.permutation(len(impostors.embeddings))[:people]
    vectors = impostors.variants(impostors.embeddings[chosen], count, rng)
    labels = np.repeat(np.arange(people, dtype=np.int32), count)
    group = np.repeat(np.arange(people * moments, dtype=np.int32), each)
    crops = np.zeros((len(labels), 96, 96, 3), np.uint8)
    crops[:, 0, 0, 0] = np.arange(len(labels))
    sources = tuple(f"{person}/{row}.jpg" for row, person in enumerate(labels))
    names = tuple(f"P{person}" for person in range(people))
    return vectors, Dataset(names, crops, labels, group, sources)


def some_of(impostors: Impostors, count: int) -> Impostors:
    """So many of the impostors, from all over."""
    chosen = np.random.default_rng(5).permutation(len(impostors.embeddings))[:count]
    return Impostors(impostors.embeddings[chosen], impostors.variation, impostors.fingerprint)


def patches(people: int, moments: int) -> Dataset:
    """A dataset whose people are patches of two portraits, noisy in each moment."""
    rng = np.random.default_rng(0)
    portraits = [resize_image(p, 256, 256)[:, :, ::-1] for p in (collins_bgr(), hopper_bgr())]
    crops, labels = [], []
    for person in range(people):
        top, left = rng.integers(0, 160, 2)
        patch = portraits[person % 2][top : top + 96, left : left + 96]
        for _ in range(moments):
            noisy = np.clip(patch + rng.normal(0, 12, patch.shape), 0, 255)
            crops.append(noisy.astype(np.uint8))
            labels.append(person)
    return Dataset(
        tuple(f"P{person}" for person in range(people)),
        np.stack(crops),
        np.array(labels, np.int32),
        np.arange(len(labels), dtype=np.int32),
        tuple(f"{row}.png" for row in range(len(labels))),
    )
