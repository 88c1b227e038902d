from pathlib import Path

import numpy as np
import pytest

from streamer.errors import WeightsError
from trainer.finetuning.impostor_model import write_impostors
from workers.classifier.impostors import Impostors, load_impostors

W, MIRROR = "abc", "abc+mirror"


@pytest.mark.parametrize(
    ("made_for", "wanted", "expected"),
    [
        (W, "", W),
        (W, W, W),
        (W, MIRROR, MIRROR),  # plain embeddings' impostors stand in until there are better ones
        (MIRROR, MIRROR, MIRROR),
        (MIRROR, W, None),
        ("def", W, None),
        ("def", MIRROR, None),
        ("def+mirror", MIRROR, None),
    ],
)
def test_impostors_belong_to_weights_and_to_mirroring(
    folder: Path, impostors: Impostors, made_for: str, wanted: str, expected: str | None
) -> None:
    path = folder / "w.impostors.npz"
    write_impostors(path, Impostors(impostors.embeddings[:9], impostors.variation, made_for))
    if expected is None:
        with pytest.raises(WeightsError, match="facestream train impostors"):
            load_impostors(folder / "w.npz", wanted)
    else:
        assert load_impostors(folder / "w.npz", wanted).fingerprint == expected


def test_the_kind_of_each_is_kept_in_the_file(folder: Path, impostors: Impostors) -> None:
    path = folder / "w.impostors.npz"
    kind = np.arange(9) % 3
    made = Impostors(impostors.embeddings[:9], impostors.variation, W, kind)
    write_impostors(path, made)
    assert load_impostors(folder / "w.npz").kind.tolist() == kind.tolist()  # type: ignore[union-attr]
    write_impostors(path, Impostors(impostors.embeddings[:9], impostors.variation, W, kind[:8]))
    with pytest.raises(WeightsError, match=r"must be .* \(n,\)"):
        load_impostors(folder / "w.npz")


def test_impostors_of_the_kinds_that_are_enrolled_count_for_more() -> None:
    rng = np.random.default_rng(0)
    kind = np.repeat(np.arange(4), 50)
    rows = np.eye(4, 128)[kind] + rng.normal(0, 0.05, (200, 128))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    impostors = Impostors(rows.astype(np.float32), np.eye(128, dtype=np.float32), W, kind)
    nobody = impostors.weights(np.empty((0, 128), np.float32), np.empty(0, np.int32))
    assert np.allclose(nobody, 1 / 200)
    gallery = np.eye(4, 128, dtype=np.float32)[[2, 2, 2, 0]]
    for labels, expected in (
        ([0, 0, 0, 0], [2.5, 2.5, 3.5, 2.5]),  # one person, whose mean is of kind 2
        ([0, 1, 2, 3], [3.5, 2.5, 5.5, 2.5]),
    ):
        weights = impostors.weights(gallery, np.array(labels, np.int32))
        assert weights.sum() == pytest.approx(1)
        by_kind = [weights[kind == number].sum() for number in range(4)]
        assert by_kind == pytest.approx(np.array(expected) / np.sum(expected))
    unknown = Impostors(impostors.embeddings, impostors.variation, W)
    assert np.allclose(unknown.weights(gallery, np.arange(4, dtype=np.int32)), 1 / 200)
