import numpy as np
import pytest

from streamer.config.sections import IdentifyConfig
from workers.classifier.classifier import Prediction
from workers.classifier.impostors import Impostors
from workers.identity.face import Face, Likeness
from workers.identity.template import Template

LIKENESS = Likeness(same=0.8, unlike=1.3, other=1.6, spread=0.8)
NAMES = ("Ada", "Bob")
E = np.eye(128, dtype=np.float32)
HALF = np.asarray(
    (E[0] + 2 * E[1]) / np.sqrt(5), np.float32
)  # 1.1 from the first, 0.2 from the 2nd


def by_direction(template: Template) -> Prediction:
    """Ada looks like the first direction, Bob like the second, with a lead by how much."""
    who = int(template.vector[:2].argmax())
    lead = float(10 * template.vector[who] - 5)
    return Prediction(who if lead >= 0 else None, 0.9, 0.5, who, lead)


def see(face: Face, *embeddings: np.ndarray) -> list[str]:
    kinds: list[str] = []
    for embedding in embeddings:
        look = face.look(embedding, 1.0, by_direction, NAMES)
        kinds.append(look.kind)
        if look.kind != "odd":
            face.vote.take(by_direction(face.template), NAMES, look.quality, 0.0)
    return kinds


def ada() -> Face:
    face = Face(IdentifyConfig(), LIKENESS)
    assert see(face, *[E[0]] * 5) == ["counted"] * 5
    assert face.vote.identity == "Ada"
    return face


def test_limits_come_from_pairs_of_different_people(impostors: Impostors) -> None:
    likeness = Likeness.of(impostors)
    assert 0 < likeness.same < likeness.unlike < likeness.other < 2
    assert likeness.spread == pytest.approx(
        2 * float(np.square(impostors.variation).sum()), rel=1e-3
    )


def test_one_odd_crop_is_put_aside_and_forgotten() -> None:
    face = ada()
    before = face.template.vector
    assert see(face, E[1]) == ["odd"]
    assert not face.certain
    assert face.vote.identity == "Ada"
    assert face.template.vector == pytest.approx(before)
    assert see(face, E[0], E[1], E[0], E[1], E[0]) == [
        "counted",
        "odd",
        "counted",
        "odd",
        "counted",
    ]
    assert face.vote.identity == "Ada"
    assert face.certain


def test_two_odd_crops_that_are_alike_are_another_face() -> None:
    face = ada()
    assert see(face, E[1], E[1]) == ["odd", "other"]
    assert face.vote.identity == "Bob"
    assert face.template.vector == pytest.approx(E[1])


def test_odd_crops_that_are_unlike_each_other_split_nothing() -> None:
    face = ada()
    assert set(see(face, *(E[number] for number in range(10, 20)))) == {"odd"}
    assert face.vote.identity == "Ada"


def test_a_name_outlasts_another_look_that_may_well_be_the_same_persons() -> None:
    face = ada()
    turned = np.asarray(0.3 * E[0] + np.sqrt(1 - 0.09) * E[5], np.float32)  # Ada's lead: -2
    assert see(face, turned, turned) == ["odd", "counted"]
    assert face.vote.identity == "Ada"
    assert see(face, turned) == ["counted"]  # it is one of the looks now


def test_a_stranger_may_look_a_little_unlike_before_but_not_much() -> None:
    def stranger() -> Face:
        face = Face(IdentifyConfig(), LIKENESS)
        see(face, *[E[9]] * 3)
        assert (face.vote.decided, face.vote.identity) == (True, None)
        return face

    alike = np.asarray(0.3 * E[9] + np.sqrt(1 - 0.09) * E[5], np.float32)
    assert see(stranger(), alike, alike) == ["odd", "counted"]
    assert see(stranger(), E[7], E[7]) == ["odd", "other"]
    assert see(stranger(), E[0], E[0]) == ["odd", "other"]  # somebody enrolled comes


def test_more_crops_may_be_asked_for_before_a_face_is_anothers() -> None:
    face = Face(IdentifyConfig(split_crops=4), LIKENESS)
    assert see(face, E[0], E[0], E[1], E[1], E[1], E[1])[2:] == ["odd", "odd", "odd", "other"]


def test_poor_crops_take_more_to_split() -> None:
    face = ada()
    kinds = [face.look(E[1], 0.4, by_direction, NAMES).kind for _ in range(4)]
    assert kinds == ["odd", "odd", "odd", "other"]


def test_a_face_that_goes_on_has_the_name_at_once() -> None:
    before, face = ada(), Face(IdentifyConfig(), LIKENESS)
    see(face, E[0])
    assert before.looks_like(face)
    face.goes_on_from(before)
    assert (face.vote.decided, face.vote.identity) == (True, "Ada")
    assert not before.looks_like(other_face())


def other_face() -> Face:
    face = Face(IdentifyConfig(), LIKENESS)
    see(face, HALF)
    return face
