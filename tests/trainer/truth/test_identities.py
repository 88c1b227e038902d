import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.truth.identities import Frame, IdentityCounts, count_identities


def frames(*said: str, overlap: float = 1.0) -> list[Frame]:
    """One true face, called by each of these in turn; "" is nothing."""
    return [
        Frame(["Ada"], [name] if name else [], np.full((1, int(bool(name))), overlap))
        for name in said
    ]


def test_nothing_at_all() -> None:
    counts = count_identities([])
    assert (counts.idf1, counts.hota) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("said", "idf1", "hota"),
    [
        (["a"] * 4, 1.0, 1.0),
        (["", "", "", ""], 0.0, 0.0),
        # Half is missed: detection 2/4, association 2/4.
        (["a", "a", "", ""], 2 * 2 / 6, 0.5),
        # Two ids, a half each: detection 1, association (2 * 2/4 + 2 * 2/4) / 4.
        (["a", "a", "b", "b"], 2 * 2 / 8, 0.5**0.5),
    ],
)
def test_one_face(said: list[str], idf1: float, hota: float) -> None:
    counts = count_identities(frames(*said))
    assert counts.idf1 == pytest.approx(idf1)
    assert counts.hota == pytest.approx(hota)


def test_boxes_that_overlap_by_half_count_at_ten_of_nineteen_levels() -> None:
    counts = count_identities(frames("a", "a", overlap=0.5))
    assert counts.idf1 == 1.0
    assert counts.hota == pytest.approx(10 / 19)
    assert count_identities(frames("a", "a", overlap=0.49)).idf1 == 0.0


def test_two_that_change_places() -> None:
    straight = Frame(["Ada", "Bob"], ["a", "b"], np.eye(2))
    crossed = Frame(["Ada", "Bob"], ["b", "a"], np.eye(2))
    counts = count_identities([straight] * 3 + [crossed])
    assert counts.idf1 == pytest.approx(6 / 8)
    # All are found; of a pair that is together 3 of 4 times the Jaccard index is 3/5, else 1/7.
    assert counts.hota == pytest.approx(((6 * 3 / 5 + 2 * 1 / 7) / 8) ** 0.5)


def test_counts_add_up_over_clips() -> None:
    both = count_identities(frames("a", "a")) + count_identities(frames("", ""))
    assert both.idf1 == pytest.approx(2 * 2 / 6)
    assert both.hota == pytest.approx(0.5**0.5)
    assert (IdentityCounts() + both).hota == both.hota


@pytest.mark.parametrize(
    ("seed", "hota", "idf1"),
    [(0, 0.15077833408036645, 0.25287356321839083), (3, 0.16557956972286778, 0.2696629213483146)],
)
def test_as_trackeval_has_it(seed: int, hota: float, idf1: float) -> None:
    """What trackeval 1.3.0 gives for the same boxes."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(60):
        rows, columns = int(random.integers(0, 4)), int(random.integers(0, 4))
        true, said = random.permutation(4)[:rows], random.permutation(5)[:columns]
        overlaps = np.zeros((rows, columns))
        for row in range(rows):
            for column in range(columns):
                near = said[column] == true[row] or random.random() < 0.1
                overlaps[row, column] = random.uniform(0.3, 1) if near else random.uniform(0, 0.3)
        made.append(Frame(true.tolist(), said.tolist(), overlaps))
    counts = count_identities(made)
    assert counts.hota == pytest.approx(hota)
    assert counts.idf1 == pytest.approx(idf1)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["", "a", "b", "c"]), max_size=30))
def test_no_more_than_all_and_better_with_one_id(said: list[str]) -> None:
    counts = count_identities(frames(*said))
    one_id = count_identities(frames(*("a" if name else "" for name in said)))
    assert 0 <= counts.idf1 <= one_id.idf1 <= 1
    assert 0 <= counts.hota <= one_id.hota + 1e-9 <= 1 + 2e-9
