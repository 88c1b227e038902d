import numpy as np
import pytest

from streamer.errors import DatasetError
from trainer.finetuning.triplets import Rule, choose_triplets, split_people


def unit(*degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


@pytest.mark.parametrize("rule", ["original", "semi_hard", "hard"])
def test_a_batch_without_pairs_has_no_triplets(rule: Rule) -> None:
    rng = np.random.default_rng(0)
    none = choose_triplets(
        unit(), np.empty(0, np.int32), rule=rule, within=0.1, margin=0.1, rng=rng
    )
    assert none.shape == (0, 3)
    alone = choose_triplets(
        unit(0, 90), np.array([0, 1], np.int32), rule=rule, within=0.1, margin=0.1, rng=rng
    )
    assert alone.shape == (0, 3)
    one_person = choose_triplets(
        unit(0, 9), np.array([0, 0], np.int32), rule=rule, within=0.1, margin=0.1, rng=rng
    )
    assert one_person.shape == (0, 3)


def test_every_anchor_and_positive_has_the_negative_that_its_rule_says() -> None:
    # Squared distances from 0 degrees: 10 -> 0.030, 5 -> 0.008, 14 -> 0.059, 40 -> 0.468.
    vectors, labels = unit(0, 10, 5, 14, 40), np.array([0, 0, 1, 2, 3], np.int32)
    rng = np.random.default_rng(0)
    assert choose_triplets(
        vectors, labels, rule="hard", within=0.0, margin=0.1, rng=rng
    ).tolist() == [[0, 1, 2]]
    assert choose_triplets(
        vectors, labels, rule="semi_hard", within=0.0, margin=0.1, rng=rng
    ).tolist() == [[0, 1, 3]]
    assert choose_triplets(
        vectors, labels, rule="semi_hard", within=0.0, margin=0.01, rng=rng
    ).shape == (0, 3)
    picked = {
        tuple(
            choose_triplets(vectors, labels, rule="original", within=0.09, margin=0.1, rng=rng)[0]
        )
        for _ in range(50)
    }
    assert picked == {(0, 1, 2), (0, 1, 3)}
    assert choose_triplets(vectors[[0, 1, 4]], labels[[0, 1, 4]], rule="original", within=0.09, margin=0.1, rng=rng).shape == (0, 3)  # fmt: skip  # noqa: E501


def test_all_pairs_of_a_person_are_used() -> None:
    labels = np.array([0, 0, 0, 1], np.int32)
    found = choose_triplets(
        unit(0, 1, 2, 3), labels, rule="hard", within=0, margin=0.1, rng=np.random.default_rng(0)
    )
    assert sorted(map(tuple, found[:, :2].tolist())) == [(0, 1), (0, 2), (1, 2)]


def test_people_are_in_one_part_only() -> None:
    labels = np.repeat(np.arange(11, dtype=np.int32), 2)
    group = np.arange(22, dtype=np.int32)
    group[1] = group[0]  # person 0 has one moment, and can only be trained on
    train, stop, test = split_people(labels, group)
    assert sorted([*train, *stop, *test]) == list(range(11))
    assert 0 in train
    assert (len(stop), len(test)) == (2, 2)
    with pytest.raises(DatasetError, match="5 people"):
        split_people(labels[:10], np.arange(10, dtype=np.int32))
