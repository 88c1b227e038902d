import numpy as np
import pytest

from workers.classifier.held_out import HeldOut
from workers.classifier.scorers import NOBODY


def test_without_a_person_who_was_taken_for_them_is_nobody() -> None:
    said = HeldOut(np.array([0, 1, 2, NOBODY, 1], np.int32), np.linspace(0, 1, 5, dtype=np.float32))
    left = said.without_person(1, np.array([0, 0, 2, 2, 1], np.int32))
    assert left.person.tolist() == [0, NOBODY, 1, NOBODY]
    assert left.probability.tolist() == said.probability[:4].tolist()
    nobody = HeldOut(np.empty(0, np.int32), np.empty(0, np.float32))
    assert nobody.without_person(0, np.empty(0, np.int32)).person.shape == (0,)


@pytest.mark.parametrize(
    ("person", "probability"),
    [
        (np.zeros(2, np.int64), np.zeros(2, np.float32)),
        (np.zeros(2, np.int32), np.zeros(3, np.float32)),
        (np.zeros(2, np.int32), np.array([0.5, np.nan], np.float32)),
        (np.zeros((2, 1), np.int32), np.zeros((2, 1), np.float32)),
    ],
)
def test_what_is_not_of_each_crop_is_refused(person: np.ndarray, probability: np.ndarray) -> None:
    with pytest.raises(ValueError, match="held-out crops"):
        HeldOut(person, probability)
