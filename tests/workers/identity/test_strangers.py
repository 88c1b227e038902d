from itertools import count

import numpy as np
from numpy.typing import NDArray

from workers.identity.strangers import MAX_REMEMBERED, Strangers


def direction(index: int) -> NDArray[np.float32]:
    vector = np.zeros(128, np.float32)
    vector[index % 128] = 1.0
    return vector


def test_by_default_nobody_is_remembered() -> None:
    strangers = Strangers(0.0, 0.5, count(1).__next__)
    assert strangers.name(direction(0)) == "unknown-1"
    assert strangers.name(direction(0)) == "unknown-2"
    assert strangers._known == []


def test_who_comes_back_in_time_keeps_the_id_and_later_is_forgotten() -> None:
    now = [0.0]
    strangers = Strangers(60.0, 0.5, count(1).__next__, clock=lambda: now[0])
    first = strangers.name(direction(0))
    strangers.see(first, direction(0))
    now[0] = 59.0
    assert strangers.name(direction(0)) == first
    assert strangers.name(direction(1)) != first
    now[0] = 200.0
    assert strangers.name(direction(0)) not in (first, "unknown-2")


def test_memory_has_a_limit() -> None:
    strangers = Strangers(60.0, 0.0, count(1).__next__)
    for index in range(MAX_REMEMBERED + 50):
        strangers.name(direction(index) * (1 + index))
    assert len(strangers._known) <= MAX_REMEMBERED
