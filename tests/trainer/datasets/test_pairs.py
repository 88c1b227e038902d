from pathlib import Path

import numpy as np
import pytest

from streamer.errors import ConfigError, DatasetError
from trainer.datasets.pairs import Pair, people_of, read_folds, read_pairs, roc, verify

TEXT = "2 1\nAda 1 2\nAda 1 Bob 3\nCy 4 5\nCy 4 Di 6\n"


def test_the_file_of_the_protocol(folder: Path) -> None:
    (folder / "pairs.txt").write_text(TEXT)
    pairs = read_pairs(folder / "pairs.txt")
    assert pairs[0] == Pair("Ada/Ada_0001.jpg", "Ada/Ada_0002.jpg", True, 1)
    assert pairs[3] == Pair("Cy/Cy_0004.jpg", "Di/Di_0006.jpg", False, 2)
    assert people_of(pairs) == {"Ada", "Bob", "Cy", "Di"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", ":1: must be the number"),
        ("x y\n", ":1: must be the number"),
        (TEXT[:-11], "must hold 4 pairs, holds 3"),
        (TEXT.replace("Cy 4 5", "Cy 4"), ":4: must be a pair"),
        (TEXT.replace("Cy 4 5", "Cy 4 x"), ":4: must be a pair"),
    ],
)
def test_a_file_that_is_wrong_says_where(folder: Path, text: str, why: str) -> None:
    (folder / "pairs.txt").write_text(text)
    with pytest.raises(DatasetError, match=why):
        read_pairs(folder / "pairs.txt")


def test_folds_are_chosen_by_number(folder: Path) -> None:
    (folder / "pairs.txt").write_text(TEXT)
    for folds, expected in (("", [1, 1, 2, 2]), ("2", [2, 2]), ("2, 1", [1, 1, 2, 2])):
        found = read_folds(folder / "pairs.txt", folds)
        assert [pair.fold for pair in found] == expected
    for folds in ("3", "0", "x", "1,", "1;2"):
        with pytest.raises(ConfigError, match="--folds must be of 1 to 2"):
            read_folds(folder / "pairs.txt", folds)


@pytest.mark.parametrize("count", [0, 4])
def test_one_fold_has_no_threshold(count: int) -> None:
    same = np.tile([True, False], count // 2)
    with pytest.raises(DatasetError, match="two folds or more"):
        verify(np.where(same, 0.9, 0.1), same, np.ones(count, int))


def test_perfect_and_useless_similarities() -> None:
    same = np.tile([True, False], 20)
    fold = np.repeat([1, 2], 20)
    perfect = verify(np.where(same, 0.9, 0.1), same, fold)
    assert (perfect.accuracy, perfect.auc, perfect.eer, perfect.tar_at_far_1e_3) == (1, 1, 0, 1)
    useless = verify(np.full(40, 0.5), same, fold)
    assert useless.accuracy == 0.5
    assert useless.auc == pytest.approx(0.5)


def test_the_threshold_comes_from_the_other_folds() -> None:
    same = np.tile([True, False], 4)
    fold = np.repeat([1, 2], 4)
    shifted = np.where(same, 0.9, 0.7) - np.where(fold == 2, 0.5, 0.0)
    assert verify(shifted, same, fold).accuracy == 0.5


def test_a_missing_face_is_wrong_and_accepts_nobody() -> None:
    same = np.tile([True, False], 10)
    fold = np.repeat([1, 2], 10)
    similarity = np.where(same, 0.9, 0.1)
    similarity[0] = similarity[1] = np.nan
    found = verify(similarity, same, fold)
    assert found.accuracy == pytest.approx(0.9)
    assert found.tar_at_far_1e_3 == pytest.approx(0.9)
    assert found.auc == pytest.approx(0.905)
    false, true = roc(similarity, same)
    assert (np.diff(false) >= 0).all()
    assert (np.diff(true) >= 0).all()
