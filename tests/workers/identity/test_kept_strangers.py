from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.history.corrections import KnownStranger, People
from workers.classifier.impostors import Impostors
from workers.identity.kept_strangers import MAX_KNOWN, JoinLimit, KeptStrangers


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def people(*strangers: tuple[str, NDArray[np.float32]], gone: tuple[str, ...] = ()) -> People:
    known = tuple(KnownStranger(name, template) for name, template in strangers)
    return People(known, frozenset(gone), frozenset())


def test_who_comes_back_keeps_the_id_for_as_long_as_the_history_does(impostors: Impostors) -> None:
    clock = Clock()
    first, second = impostors.embeddings[:2]
    strangers = KeptStrangers(impostors, count(1).__next__, clock)
    assert [strangers.name(row) for row in (first, second, first)] == [
        "unknown-1", "unknown-2", "unknown-1",
    ]  # fmt: skip
    strangers.use(people(("unknown-1", first)))
    clock.now_s += 10_000
    strangers.use(people(("unknown-1", first)))
    assert strangers.name(first) == "unknown-1"
    assert strangers.name(second) == "unknown-3", "the history never kept it"
    strangers.use(people())
    assert strangers.name(first) == "unknown-4", "the history keeps it no more"


def test_after_a_restart_they_are_known_from_the_history(impostors: Impostors) -> None:
    rng = np.random.default_rng(0)
    face = impostors.embeddings[:1]
    again = KeptStrangers(impostors, count(50).__next__)
    again.use(people(("unknown-17", face[0]), ("unknown-18", impostors.embeddings[1])))
    # One crop in a hundred is very unlike; most crops of one face are not.
    looks = [again.name(row) for row in impostors.variants(face, 20, rng)]
    assert looks.count("unknown-17") >= 10
    assert "unknown-18" not in looks


def test_who_was_named_is_known_no_more(impostors: Impostors) -> None:
    strangers = KeptStrangers(impostors, count(1).__next__)
    face = impostors.embeddings[0]
    assert strangers.name(face) == "unknown-1"
    strangers.use(people(gone=("unknown-1",)))
    strangers.see("unknown-1", face)
    assert strangers.name(face) == "unknown-2"


def test_the_more_are_known_the_more_alike_two_must_be(impostors: Impostors) -> None:
    limit = JoinLimit.of(impostors)
    assert limit.among(1) == limit.among(5) > limit.among(50) > limit.among(3000) > 0
    assert limit.among(2) == pytest.approx(impostors.same_person_limit(0.004), abs=0.1)


def test_memory_has_a_limit(impostors: Impostors) -> None:
    strangers = KeptStrangers(impostors, count(1).__next__)
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((MAX_KNOWN + 5, 128)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    strangers.use(people(*((f"unknown-{n}", row) for n, row in enumerate(rows, start=1))))
    assert len(strangers._faces) == MAX_KNOWN


def test_of_too_many_the_ignored_are_known_still(impostors: Impostors) -> None:
    strangers = KeptStrangers(impostors, count(10_000).__next__)
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((MAX_KNOWN + 5, 128)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    known = people(*((f"unknown-{n}", row) for n, row in enumerate(rows, start=1)))
    strangers.use(replace(known, ignored=frozenset(["unknown-1", "Bob"])))
    assert strangers.name(rows[0]) == "unknown-1"
    assert strangers.name(rows[1]) == "unknown-10000", "one too many, seen longest ago"
    assert strangers.name(rows[0]) == "unknown-1"
