from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.trainer.people import made_people
from trainer.enrolment.judge import judged_again
from trainer.enrolment.likeness import look_alikes, unlike_the_rest
from workers.classifier.impostors import Impostors
from workers.gallery.people import People

NOW = "2026-01-02T03:04:05.678Z"


def people_of(impostors: Impostors, people: int, each: int, vouched: bool = False) -> People:
    vectors, dataset = made_people(impostors, people, each)
    return People(
        names=dataset.names,
        embeddings=vectors,
        labels=dataset.labels,
        sources=dataset.sources,
        crops=dataset.crops_rgb,
        vouched=np.full(len(vectors), vouched),
    )


def near(vector: NDArray[np.float32], seed: int = 0) -> NDArray[np.float32]:
    moved = vector + np.random.default_rng(seed).normal(0, 0.02, vector.shape).astype(np.float32)
    return np.asarray(moved / np.linalg.norm(moved), np.float32)


def with_row(people: People, row: int, vector: NDArray[np.float32]) -> People:
    embeddings = people.embeddings.copy()
    embeddings[row] = vector
    return replace(people, embeddings=embeddings)


def test_nobody_and_people_who_fit_stay_as_they_are(impostors: Impostors) -> None:
    assert judged_again(People.nobody(), impostors, NOW)[1] == []
    people = people_of(impostors, 12, 6)
    judged, moved = judged_again(people, impostors, NOW)
    assert len(moved) <= 0.03 * len(people.labels)
    assert set(judged.labels.tolist()) == set(range(12))


def test_a_crop_of_somebody_else_is_set_aside_and_theirs_are_not(impostors: Impostors) -> None:
    people = people_of(impostors, 4, 6)
    wrong = with_row(people, 2, near(people.embeddings[20]))
    before = {row.source for row in judged_again(people, impostors, NOW)[1]}
    judged, moved = judged_again(wrong, impostors, NOW)
    found = {row.source: row for row in moved if row.source not in before}
    assert set(found) == {"0/2.jpg"}
    row = found["0/2.jpg"]
    assert (row.person, row.since_utc) == ("P0", NOW)
    assert row.why == "unlike" or row.other == "P3"
    assert "0/2.jpg" not in judged.sources
    place = judged.aside.rows.index(row)
    assert np.array_equal(judged.aside.crops_rgb[place], people.crops_rgb[2])


def test_two_pictures_cannot_be_unlike_but_one_can_be_too_close(impostors: Impostors) -> None:
    people = people_of(impostors, 3, 2)
    wrong = with_row(people, 0, near(people.embeddings[4]))
    (row,) = judged_again(wrong, impostors, NOW)[1]
    assert (row.person, row.why, row.other) == ("P0", "close", "P2")
    assert row.reason == "nearer to P2 than to the others of P0"


def test_one_picture_is_never_set_aside(impostors: Impostors) -> None:
    people = people_of(impostors, 3, 1)
    wrong = with_row(people, 0, near(people.embeddings[2]))
    assert judged_again(wrong, impostors, NOW)[1] == []


def test_what_somebody_vouched_for_stays_and_counts_against_nobody(impostors: Impostors) -> None:
    people = people_of(impostors, 3, 2)
    vouched = np.array([True, False, False, False, False, False])
    wrong = replace(with_row(people, 0, near(people.embeddings[4])), vouched=vouched)
    assert judged_again(wrong, impostors, NOW)[1] == []
    everything = people_of(impostors, 4, 6, vouched=True)
    wrong = with_row(everything, 2, near(everything.embeddings[20]))
    assert judged_again(wrong, impostors, NOW)[1] == []


def test_at_least_half_of_everybody_stays(impostors: Impostors) -> None:
    people = people_of(impostors, 2, 6)
    mixed = people
    for row in range(6):
        mixed = with_row(mixed, row, near(people.embeddings[6 + row], row))
    judged, moved = judged_again(mixed, impostors, NOW)
    assert 0 < len(moved) <= 6
    assert np.bincount(judged.labels).min() >= 3


@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_crops_are_not_unlike_each_other(impostors: Impostors, count: int) -> None:
    assert unlike_the_rest(impostors.embeddings[:count], impostors) == []


def test_who_looks_alike_is_known(impostors: Impostors) -> None:
    people = people_of(impostors, 3, 3)
    assert look_alikes(people.embeddings, people.labels, impostors) == []
    twins = people.embeddings.copy()
    twins[:3] = [near(people.embeddings[6 + row], row) for row in range(3)]
    assert (0, 2) in look_alikes(twins, people.labels, impostors)
