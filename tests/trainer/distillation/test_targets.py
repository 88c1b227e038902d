from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.vision.align import MEAN_SHAPE, Alignment
from trainer.distillation.targets import targets_for
from trainer.teachers.contexts import CONTEXT_SIZE, SQUARE_SIDE
from trainer.teachers.descriptors import SideBySide, unit
from trainer.teachers.faces import Faces
from workers.embedding.tensorflow_graph import build_embedder
from workers.network.weights_file import load_weights


def faces(collins: NDArray[np.uint8], *sizes: int) -> Faces:
    """Patches of a portrait, with descriptors by chance."""
    rng = np.random.default_rng(0)
    tops = rng.integers(0, len(collins) - CONTEXT_SIZE, 40)
    contexts = np.stack([collins[top : top + CONTEXT_SIZE, 40:200] for top in tops])
    points = np.tile(MEAN_SHAPE * SQUARE_SIDE + CONTEXT_SIZE / 2 - 0.5, (40, 1, 1))
    described = tuple(unit(rng.normal(0, 1, (40, size)) + 0.5) for size in sizes)
    return Faces(contexts, points, described, [f"{index}.png" for index in range(40)])


def test_one_teachers_128_numbers_are_targets_as_they_are(
    collins: NDArray[np.uint8], folder: Path
) -> None:
    source = faces(collins, 128)
    targets = targets_for(source, [1.0], None, "square", folder)
    assert targets.vectors is source.descriptors[0]
    assert list(folder.iterdir()) == []


def test_targets_have_the_similarities_of_the_teachers(
    collins: NDArray[np.uint8], folder: Path
) -> None:
    source = faces(collins, 256, 30)
    targets = targets_for(source, [2.0, 1.0], None, "square", folder)
    both = SideBySide.of(source.descriptors, [2, 1])(source.descriptors)
    centred = unit(both - both.mean(axis=0))
    assert np.allclose(
        targets.vectors @ targets.vectors.T, centred @ centred.T, atol=1e-4
    )  # of 40 faces nothing is lost in 128 numbers


def test_they_are_made_once_for_the_same_faces_shares_and_start(
    collins: NDArray[np.uint8], folder: Path
) -> None:
    source = faces(collins, 256, 30)
    made = targets_for(source, [2.0, 1.0], None, "square", folder)
    (path,) = folder.iterdir()
    written = path.stat().st_mtime_ns
    again = targets_for(source, [2.0, 1.0], None, "square", folder)
    assert path.stat().st_mtime_ns == written
    assert (again.vectors == made.vectors).all()
    assert again.key == made.key
    fewer = source.of(np.arange(40) < 39)
    assert targets_for(fewer, [2.0, 1.0], None, "square", folder).key != made.key
    assert targets_for(source, [1.0, 1.0], None, "square", folder).key != made.key
    assert targets_for(source, [2.0, 1.0], None, "level", folder).key != made.key


@pytest.mark.parametrize("alignment", ["square", "level"])
def test_with_a_start_they_lie_near_what_it_gives(
    collins: NDArray[np.uint8], folder: Path, alignment: Alignment
) -> None:
    start = load_weights()
    source = faces(collins, 256)
    plain = targets_for(source, [1.0], None, alignment, folder).vectors
    turned = targets_for(source, [1.0], start, alignment, folder).vectors
    assert np.allclose(turned @ turned.T, plain @ plain.T, atol=1e-3)
    side = round(SQUARE_SIDE * 1.1)
    low = (CONTEXT_SIZE - side) // 2
    import cv2

    crops = np.stack(
        [cv2.resize(c[low : low + side, low : low + side], (96, 96)) for c in source.contexts]
    ).astype(np.uint8)
    given = build_embedder(start)(crops)
    near, far = (turned * given).sum(axis=1).mean(), (plain * given).sum(axis=1).mean()
    assert near > far + 0.05
