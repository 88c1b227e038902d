from pathlib import Path

import pytest

from tests.trainer.people import made_people, some_of
from trainer.benchmarks.open_set import measure_open_set
from workers.classifier.impostors import Impostors


def test_everybody_who_is_not_enrolled_is_a_stranger(impostors: Impostors) -> None:
    fewer = some_of(impostors, 500)
    vectors, dataset = made_people(impostors, 12, 3)
    people = [Path(dataset.names[label]) for label in dataset.labels]
    told: list[str] = []
    one, two = measure_open_set(
        people, vectors, fewer, 0.01, told.append, ((1, 2, 3), (2, 2, 1), (50, 1, 1), (1, 3, 1))
    )
    assert (one.people, one.photos, one.strangers) == (1, 2, 36)  # all, over the rounds
    assert (one.judged, one.own) == (3 * 33, 3)
    assert (two.strangers, two.judged, two.own) == (30, 30, 2)
    assert one.own_named + two.own_named >= 3
    assert one.false_accept_rate < 0.1
    low, high = one.interval()
    assert low <= one.false_accept_rate <= high == pytest.approx(high)
    assert len(told) == 2
