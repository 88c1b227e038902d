"""The open set at other sizes of gallery: what 1 % wanted gives on thousands of strangers' photos.

Some people are enrolled with a few photos each; all photos of everybody else are judged, and the
photos of the enrolled that are left. Over the draws of people, nearly every photo is a stranger's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.cross_validation import interval
from workers.classifier.fitting import ClassifierSpec, fit_classifier
from workers.classifier.impostors import Impostors

SIZES = ((1, 3, 20), (2, 3, 10), (5, 3, 6), (20, 3, 3), (100, 1, 1))
"""People, photos of each, and how often other people are drawn."""


@dataclass(frozen=True, kw_only=True)
class OpenSet:
    """Of galleries of so many people with so many photos each.

    strangers: how many photos were judged as a stranger's, each counted once; judged, named: how
    often, and how often a name was given; own, own_named: the same of left photos of the enrolled,
    named rightly.
    """

    people: int
    photos: int
    strangers: int
    judged: int
    named: int
    own: int
    own_named: int

    @property
    def false_accept_rate(self) -> float:
        """Share of strangers' photos that were given a name."""
        return self.named / max(1, self.judged)

    def interval(self) -> tuple[float, float]:
        """Return what the rate may be at 95 %, if each photo were judged once."""
        share = self.false_accept_rate
        return interval(round(share * self.strangers), self.strangers)


def measure_open_set(
    people: list[Path],
    vectors: NDArray[np.float32],
    impostors: Impostors,
    false_accept_rate: float,
    say: Callable[[str], None],
    sizes: tuple[tuple[int, int, int], ...] = SIZES,
) -> list[OpenSet]:
    """Judge the photos (n, 128) of these people (n,); sizes with too few people are left out."""
    labels = np.unique([str(person) for person in people], return_inverse=True)[1]
    counts = np.bincount(labels)
    found = []
    for size, photos, rounds in sizes:
        able = np.flatnonzero(counts > photos)
        if len(able) < size or len(counts) <= size:
            continue
        rng = np.random.default_rng(size)
        judged = np.zeros(len(labels), np.int64)
        named, own, own_named = 0, 0, 0
        for _ in range(rounds):
            chosen = rng.permutation(able)[:size]
            train, left = [], []
            for person in chosen:
                rows = rng.permutation(np.flatnonzero(labels == person))
                train.append(rows[:photos])
                left.append(rows[photos:])
            numbers = np.repeat(np.arange(size, dtype=np.int32), photos)
            spec = ClassifierSpec(false_accept_rate=false_accept_rate)
            classifier = fit_classifier(vectors[np.concatenate(train)], numbers, impostors, spec)
            strangers = np.flatnonzero(~np.isin(labels, chosen))
            answers = classifier.predict(vectors[strangers])
            named += sum(answer.person is not None for answer in answers)
            judged[strangers] += 1
            for number, rows in enumerate(left):
                answers = classifier.predict(vectors[rows])
                own += len(rows)
                own_named += sum(answer.person == number for answer in answers)
        found.append(
            OpenSet(
                people=size,
                photos=photos,
                strangers=int((judged > 0).sum()),
                judged=int(judged.sum()),
                named=named,
                own=own,
                own_named=own_named,
            )
        )
        say(f"{size} people enrolled: {found[-1].false_accept_rate:.2%} of strangers named")
    return found
