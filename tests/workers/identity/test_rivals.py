from dataclasses import replace

import pytest

from streamer.config.sections import IdentifyConfig
from streamer.wire.timestamps import timestamp_now
from workers.classifier.classifier import Prediction
from workers.identity.camera import Presence, Sighting
from workers.identity.face import Face, Likeness
from workers.identity.rivals import loser

LIKENESS = Likeness(same=0.8, unlike=1.3, other=1.6, spread=0.8)
NOW = timestamp_now()


def person(name: str | None, lead: float, left: int, entered: bool = True) -> Presence:
    """Somebody whose face is 80 px wide and begins `left` px from the left."""
    face = Face(IdentifyConfig(), LIKENESS)
    for _ in range(2):
        chosen = None if name is None else 0
        face.vote.take(Prediction(chosen, 0.9, 0.5, chosen, lead), (name or "",), 1.0, 0.0)
    seen = Sighting(box_xywh=(left, 0, 80, 80), captured=NOW, media_ms=0.0, sequence=1)
    return Presence(
        track=f"e-{left}", visit=f"v-{left}", face=face, seen=seen, entered=NOW if entered else None
    )


def test_alone_nobody_loses_a_name() -> None:
    ada = person("Ada", 1.0, 0)
    assert loser(ada, [], 0.5) is None
    assert loser(ada, [ada], 0.5) is None


def test_others_names_do_not_matter() -> None:
    ada = person("Ada", 1.0, 0)
    assert loser(ada, [ada, person("Bob", 9.0, 200), person(None, 9.0, 400)], 0.5) is None


def test_two_without_a_name_share_none() -> None:
    nobody, other = person(None, 9.0, 0), person(None, -3.0, 200)
    assert loser(nobody, [nobody, other], 0.5) is None


@pytest.mark.parametrize(("lead", "newcomer_loses"), [(0.5, True), (1.4, True), (1.6, False)])
def test_the_newcomer_must_be_clearly_better(lead: float, newcomer_loses: bool) -> None:
    there, newcomer = person("Ada", 1.0, 0), person("Ada", lead, 200, entered=False)
    worse = loser(newcomer, [there, newcomer], 0.5)
    assert worse is (newcomer if newcomer_loses else there)


def test_one_who_is_only_expected_somewhere_is_no_rival() -> None:
    there, newcomer = person("Ada", 9.0, 0), person("Ada", 1.0, 200)
    there.found = False
    assert loser(newcomer, [there, newcomer], 0.5) is None


def test_one_face_that_was_found_twice_has_one_name() -> None:
    there, again = person("Ada", 9.0, 0), person("Ada", 1.0, 200)
    again.seen = replace(again.seen, box_xywh=(10, 5, 80, 80))
    assert loser(again, [there, again], 0.5) is None
