"""Judge the enrolled crops again after a change: what does not fit is set aside, and told.

It is not deleted: `facestream put-back` undoes it, and what was put back stays. At least half of
a person's crops stay, as it cannot be told which half is wrong.
"""

from dataclasses import replace

import numpy as np

from trainer.enrolment.likeness import (
    Floats,
    Integers,
    nearest_own_and_other,
    squared,
    unlike_the_rest,
)
from workers.classifier.impostors import Impostors
from workers.gallery.aside import AsideCrop, Why
from workers.gallery.people import People

_LOOSE_RATE = 0.01
"""Crops are like each other if so few pairs of different people are nearer."""


def judged_again(
    people: People, impostors: Impostors, now_utc: str
) -> tuple[People, list[AsideCrop]]:
    """Set aside what is unlike a person's others, and what is nearer to somebody else.

    Returns the people and what was set aside now.
    """
    before = len(people.aside.rows)
    people = _without_unlike(people, impostors, now_utc)
    people = _without_close(people, impostors, now_utc)
    return people, list(people.aside.rows[before:])


def _without_unlike(people: People, impostors: Impostors, now_utc: str) -> People:
    gone: list[tuple[int, Why, str]] = []
    for person in range(len(people.names)):
        own = np.flatnonzero(people.labels == person)
        odd = own[unlike_the_rest(people.embeddings[own], impostors)]
        odd = odd[~people.vouched[odd]]
        if len(odd) <= len(own) // 2:
            gone += [(int(row), "unlike", "") for row in odd]
    return _set_aside(people, gone, now_utc)


def _without_close(people: People, impostors: Impostors, now_utc: str) -> People:
    """Set aside one after the other, the worst first: one wrong crop makes others look wrong.

    Crops that somebody vouched for, look-alikes say, tell against another's crop only if that
    is not like its own person either.
    """
    limit, loose = impostors.same_person_limit(), impostors.same_person_limit(_LOOSE_RATE)
    labels = people.labels.copy()  # of crops that are gone it is nobody
    here = np.ones(len(labels), np.bool_)

    def nearest(rows: Integers) -> tuple[Floats, Floats, Integers]:
        vectors, free = people.embeddings, here & ~people.vouched
        own, other, whose = nearest_own_and_other(vectors, labels, rows, free)
        if people.vouched.any():
            _, anybody, whose_else = nearest_own_and_other(vectors, labels, rows, here)
            unlike = own > loose
            other, whose = np.where(unlike, anybody, other), np.where(unlike, whose_else, whose)
        return own, other, whose

    free = np.bincount(labels, minlength=len(people.names)) // 2
    rows = np.flatnonzero(~people.vouched)
    gone: list[tuple[int, Why, str]] = []
    own, other, whose = nearest(rows)
    while True:
        left = here[rows] & (free[people.labels[rows]] > 0)
        doubtful = left & (other < np.minimum(limit, own))
        if not doubtful.any():
            return _set_aside(people, gone, now_utc)
        worst = int(np.where(doubtful, own - other, -np.inf).argmax())
        row = int(rows[worst])
        gone.append((row, "close", people.names[int(whose[worst])]))
        free[labels[row]] -= 1
        here[row], labels[row] = False, -1
        # Only who has been near the one that went sees something else now.
        to_it = squared(people.embeddings[rows], people.embeddings[row : row + 1])[:, 0]
        touched = np.flatnonzero(here[rows] & (to_it <= np.maximum(own, other) + 1e-5))
        own[touched], other[touched], whose[touched] = nearest(rows[touched])


def _set_aside(people: People, gone: list[tuple[int, Why, str]], now_utc: str) -> People:
    if not gone:
        return people
    aside = people.aside
    for row, why, other in gone:
        aside = aside.with_crop(
            people.crops_rgb[row],
            person=people.names[people.labels[row]],
            why=why,
            other=other,
            source=people.sources[row],
            since_utc=now_utc,
        )
    return replace(people.without_rows([row for row, _, _ in gone]), aside=aside)
