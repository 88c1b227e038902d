import numpy as np
import pytest

from streamer.errors import DatasetError
from trainer.teachers.descriptors import SideBySide, alike, mixed, stranger_limit, unit


def test_side_by_side_mixes_similarities_by_share() -> None:
    rng = np.random.default_rng(2)
    first, second = unit(rng.normal(size=(50, 8))), unit(rng.normal(size=(50, 5)))
    both = SideBySide.of([first, second], [3, 1])([first, second])
    one, other = (unit(part - part.mean(axis=0)) for part in (first, second))
    wanted = 0.75 * one @ one.T + 0.25 * other @ other.T
    assert np.allclose(both @ both.T, wanted, atol=1e-5)


def test_other_faces_are_centred_by_the_same_means() -> None:
    rng = np.random.default_rng(3)
    faces = unit(rng.normal(size=(50, 8)) + 2)
    side_by_side = SideBySide.of([faces], [1])
    assert np.allclose(side_by_side([faces[:3]]), side_by_side([faces])[:3])


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_who_is_like_another_is_found(count: int) -> None:
    vectors = np.eye(4, dtype=np.float32)[np.arange(count) % 4]
    near = np.array([[0.8, 0.6, 0, 0], [0, 0, 0, 1]], np.float32)
    found = alike(vectors, near, 0.7)
    assert found.tolist() == [index % 4 in (0, 3) for index in range(count)]
    assert not alike(vectors, np.zeros((0, 4), np.float32), 0.7).any()


def test_mixed_similarities_are_those_of_the_teachers_by_share() -> None:
    rng = np.random.default_rng(4)
    first, second = unit(rng.normal(size=(20, 8)) + 1), unit(rng.normal(size=(20, 5)))
    both = mixed([first, second], [3, 1])
    assert np.allclose(both @ both.T, 0.75 * first @ first.T + 0.25 * second @ second.T, atol=1e-5)


def test_hardly_two_strangers_are_above_the_limit() -> None:
    rng = np.random.default_rng(5)
    people = np.repeat(np.arange(300), 4)
    vectors = unit(rng.normal(size=(300, 16))[people] + 0.3 * rng.normal(size=(1200, 16)))
    similarity = vectors @ vectors.T
    strangers = similarity[people[:, None] != people]
    names = [f"person {person}" for person in people]
    for rate, slack in ((1e-2, 1e-4), (1e-5, 1e-5)):
        limit = stranger_limit(vectors, names, rate)
        assert (strangers > limit).mean() == pytest.approx(rate, abs=slack)
    assert stranger_limit(vectors[:8], names[:8]) == pytest.approx(similarity[:4, 4:8].max())


@pytest.mark.parametrize("count", [0, 1, 3])
def test_one_person_says_nothing_about_strangers(count: int) -> None:
    vectors = np.eye(3, dtype=np.float32)[:count]
    with pytest.raises(DatasetError, match="two people or more"):
        stranger_limit(vectors, ["one"] * count)
