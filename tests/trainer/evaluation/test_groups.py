from pathlib import Path

import numpy as np
import pytest

from streamer.errors import DatasetError
from trainer.evaluation.groups import measure_groups, read_labels


def written(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text)
    return path


def test_ages_become_bands_and_what_is_not_known_is_left_out(folder: Path) -> None:
    path = written(folder, "file,sex,age\na/1.jpg,woman,5\na/2.jpg,,61\nb.jpg,man,\n")
    assert read_labels(path) == {
        "a/1.jpg": {"sex": "woman", "age": "0 to 5"},
        "a/2.jpg": {"age": "60 and over"},
        "b.jpg": {"sex": "man"},
    }


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "must be: file,LABEL"),
        ("file\na.jpg\n", "must be: file,LABEL"),
        ("photo,sex\na.jpg,man\n", "must be: file,LABEL"),
        ("file,sex\n", "has no label"),
        ("file,sex\na.jpg\n", ":2: must have 2 columns"),
        ("file,sex\na.jpg,man,3\n", ":2: must have 2 columns"),
        ("file,age\na.jpg,3\nb.jpg,3.5\n", ":3: age must be whole years"),
    ],
)
def test_a_file_that_is_no_labels_is_refused(folder: Path, text: str, fault: str) -> None:
    with pytest.raises(DatasetError, match=fault):
        read_labels(written(folder, text))


def test_labels_that_are_not_there_are_refused(folder: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        read_labels(folder / "none.csv")


def test_figures_are_those_of_every_pair() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1, (300, 128))
    centres[:100] += rng.normal(0, 1, 128) * 0.7  # these are more alike than the others
    person = np.repeat(np.arange(300), 2)
    rows = (centres[person] + rng.normal(0, 0.4, (600, 128))).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    group = np.where(person < 100, "alike", "other")
    labels = [{"kind": kind} if row % 50 else {} for row, kind in enumerate(group.tolist())]
    limit, found = measure_groups(rows, [str(p) for p in person], labels)
    every, alike, other = found
    above, one = rows @ rows.T >= limit, person[:, None] == person
    upper = np.triu(np.ones((600, 600), bool), 1)
    known = np.array([bool(label) for label in labels])
    of_alike = (known & (group == "alike"))[:, None] & (known & (group == "alike"))
    assert (every.column, every.photos, every.people) == ("all", 600, 300)
    assert every.different == (upper & ~one).sum()
    assert every.same == 300
    assert 0.0008 < every.accepted / every.different <= 0.001
    assert (alike.column, alike.value) == ("kind", "alike")
    assert alike.photos == (known & (group == "alike")).sum()
    assert alike.different == (upper & ~one & of_alike).sum()
    # Similarities next to the limit may fall into the step beside it.
    assert alike.accepted == pytest.approx((upper & ~one & of_alike & above).sum(), abs=3)
    assert alike.same_accepted == pytest.approx((upper & one & of_alike & above).sum(), abs=3)
    assert alike.accepted / alike.different > 2 * other.accepted / other.different


def test_a_limit_may_be_given() -> None:
    rows = np.eye(3, 128, dtype=np.float32)
    rows[1] = rows[0]
    limit, (every,) = measure_groups(rows, ["a", "b", "c"], [{}] * 3, 0.5)
    assert limit == pytest.approx(0.5)
    assert (every.different, every.accepted) == (3, 1)


def test_too_few_pairs_for_a_rate_are_refused() -> None:
    rows = np.eye(30, 128, dtype=np.float32)
    with pytest.raises(DatasetError, match="Received: 435"):
        measure_groups(rows, [str(n) for n in range(30)], [{}] * 30)
