import pytest

from streamer.constants import MAX_VOTES
from workers.classifier.classifier import Prediction
from workers.identity.vote import Vote


def test_before_the_first_crop_nothing_is_decided() -> None:
    vote = Vote(1.5, 1.5)
    assert (vote.decided, vote.identity, vote.probability, vote.certain) == (
        False,
        None,
        0.0,
        False,
    )


def test_one_crop_names_nobody_and_two_do() -> None:
    vote = Vote(1.5, 1.5)
    vote.add("Ada", 0.9, 1.0)
    assert not vote.decided
    vote.add("Ada", 0.7, 1.0)
    assert vote.decided
    assert vote.identity == "Ada"
    assert 0.7 < vote.probability < 0.9


def test_one_odd_crop_renames_nobody_and_a_change_of_mind_takes_several() -> None:
    vote = Vote(1.5, 1.5)
    for _ in range(6):
        vote.add("Ada", 0.9, 1.0)
    vote.add("Bob", 0.99, 1.0)
    assert vote.identity == "Ada"
    crops = 1
    while vote.identity == "Ada":
        vote.add("Bob", 0.99, 1.0)
        crops += 1
        assert crops < 20
    assert crops >= 3
    assert vote.identity == "Bob"


def test_nobody_is_a_side_like_any_other() -> None:
    vote = Vote(1.5, 1.5)
    for _ in range(4):
        vote.add(None, 0.8, 1.0)
    assert vote.decided
    assert vote.identity is None
    assert vote.certain


def test_poor_crops_count_less() -> None:
    vote = Vote(1.5, 1.5)
    for _ in range(3):
        vote.add("Ada", 0.9, 0.3)
    assert not vote.decided


def test_another_gallery_starts_the_count_anew() -> None:
    vote = Vote(1.5, 1.5)
    for _ in range(5):
        vote.add(None, 0.8, 1.0)
    vote.forget_names()
    for _ in range(2):
        vote.add("Ada", 0.9, 1.0)
    assert vote.identity == "Ada"


@pytest.mark.parametrize(("person", "name", "chance"), [(1, "Bob", 0.8), (None, None, 0.2)])
def test_a_prediction_votes_for_its_person_or_for_nobody(
    person: int | None, name: str | None, chance: float
) -> None:
    vote = Vote(0.5, 1.5)
    prediction = Prediction(person, 0.8, 0.6)
    vote.take(prediction, ("Ada", "Bob"), 1.0)
    assert (vote.decided, vote.identity, vote.squared_distance) == (True, name, 0.6)
    assert vote.probability == pytest.approx(chance)


def test_the_votes_that_are_allowed_are_reached() -> None:
    vote = Vote(MAX_VOTES, MAX_VOTES)
    for _ in range(29):
        vote.add("Ada", 1.0, 1.0)
    assert vote.identity == "Ada"
    for _ in range(40):
        vote.add("Grace", 1.0, 1.0)
    assert vote.identity == "Grace"
