import pytest

from streamer.config.sections import IdentifyConfig
from workers.classifier.classifier import Prediction
from workers.identity.vote import Vote

CONFIG = IdentifyConfig()
NAMES = ("Ada", "Bob")


def voting(*sides: str | None, config: IdentifyConfig = CONFIG, quality: float = 1.0) -> Vote:
    """Count crops, ten a second."""
    vote = Vote(config)
    for index, side in enumerate(sides):
        vote.add(side, 0.9, quality, index * 100.0)
    return vote


def test_before_the_first_crop_nothing_is_decided() -> None:
    vote = Vote(CONFIG)
    assert (vote.decided, vote.identity, vote.probability, vote.certain) == (
        False,
        None,
        0.0,
        False,
    )


def test_one_crop_names_nobody_and_two_do() -> None:
    vote = Vote(CONFIG)
    vote.add("Ada", 0.9, 1.0, 0.0)
    assert not vote.decided
    vote.add("Ada", 0.7, 1.0, 100.0)
    assert vote.decided
    assert vote.identity == "Ada"
    assert 0.7 < vote.probability < 0.9


@pytest.mark.parametrize("other", ["Bob", None])
def test_one_odd_crop_renames_nobody_and_two_do_however_long_the_name_was_there(
    other: str | None,
) -> None:
    vote = voting(*["Ada"] * 50, other)
    assert vote.identity == "Ada"
    assert not vote.certain
    vote.add(other, 0.9, 1.0, 5200.0)
    assert (vote.decided, vote.identity) == (True, other)


def test_odd_crops_among_others_never_rename() -> None:
    vote = voting(*["Ada", "Ada", "Bob", "Ada", None] * 20)
    assert vote.identity == "Ada"
    assert not vote.certain
    vote.add("Ada", 0.9, 1.0, 1e5)
    assert vote.certain


def test_a_stranger_is_not_named_by_single_crops_either() -> None:
    assert voting(*[None, None, "Ada"] * 20).identity is None


def test_nobody_is_a_side_like_any_other() -> None:
    vote = voting(*[None] * 4)
    assert vote.decided
    assert vote.identity is None
    assert vote.certain


def test_poor_crops_count_less() -> None:
    assert not voting(*["Ada"] * 3, quality=0.3).decided


def test_another_gallery_starts_the_count_anew() -> None:
    vote = voting(*[None] * 5)
    vote.forget_votes()
    vote.add("Ada", 0.9, 1.0, 600.0)
    assert vote.identity is None
    vote.add("Ada", 0.9, 1.0, 700.0)
    assert vote.identity == "Ada"


def test_a_name_stays_as_probable_as_it_was_until_another_gallery_has_judged() -> None:
    vote = voting(*["Ada"] * 5)
    vote.forget_votes()
    assert vote.probability == pytest.approx(0.9)  # of who leaves now, for instance
    vote.add("Ada", 0.6, 1.0, 1000.0)
    assert vote.probability == pytest.approx(0.6)
    vote.give_up_name()
    assert vote.probability == 0.0


@pytest.mark.parametrize(("person", "name", "chance"), [(1, "Bob", 0.8), (None, None, 0.2)])
def test_a_prediction_votes_for_its_person_or_for_nobody(
    person: int | None, name: str | None, chance: float
) -> None:
    vote = Vote(IdentifyConfig(min_votes=0.5))
    vote.take(Prediction(person, 0.8, 0.6, person, 1.0 if person else -1.0), NAMES, 1.0, 0.0)
    assert (vote.decided, vote.identity, vote.squared_distance) == (True, name, 0.6)
    assert vote.probability == pytest.approx(chance)


def test_a_name_outlasts_predictions_that_fall_a_little_short() -> None:
    vote = Vote(CONFIG)
    for lead in (1.0, 1.0, -0.4, -0.4, -0.4, -0.4):
        vote.take(Prediction(0 if lead > 0 else None, 0.8, 0.6, 0, lead), NAMES, 1.0, 0.0)
    assert (vote.identity, vote.certain) == ("Ada", True)
    stranger = Vote(CONFIG)
    for lead in (-0.4, -0.4, -0.4):
        stranger.take(Prediction(None, 0.8, 0.6, 0, lead), NAMES, 1.0, 0.0)
    assert stranger.identity is None
    for _ in range(2):
        vote.take(Prediction(None, 0.8, 0.6, 0, -0.8), NAMES, 1.0, 0.0)
    assert vote.identity is None


def test_a_door_may_ask_for_more_crops_over_a_longer_time() -> None:
    door = IdentifyConfig(confirm_crops=4, confirm_s=0.5)
    assert not voting(*["Ada"] * 5, config=door).decided  # over 0.4 s
    assert voting(*["Ada"] * 6, config=door).identity == "Ada"
    assert not voting(*["Ada"] * 3, config=IdentifyConfig(confirm_crops=4)).decided
    assert voting(*[None] * 2, config=door).decided  # to be nobody takes no more than before


def test_a_name_that_is_given_up_takes_as_many_crops_as_another() -> None:
    vote = voting(*["Ada"] * 10)
    vote.give_up_name()
    assert (vote.decided, vote.identity) == (True, None)
    vote.add("Ada", 0.9, 1.0, 1e4)
    assert vote.identity is None
    vote.add("Ada", 0.9, 1.0, 1e4)
    assert vote.identity == "Ada"


def test_the_votes_that_are_allowed_are_reached() -> None:
    vote = voting(*["Ada"] * 29, config=IdentifyConfig(min_votes=6.6, switch_margin=6.6))
    assert vote.identity == "Ada"
    for _ in range(40):
        vote.add("Grace", 1.0, 1.0, 1e5)
    assert vote.identity == "Grace"
