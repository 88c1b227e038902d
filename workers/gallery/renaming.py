"""The same people with other names: one renamed, or two who are one."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamer.errors import GalleryError
from workers.gallery.aside import AsideCrop, SetAside
from workers.gallery.people import People


def renamed(people: People, person: str, name: str) -> People:
    """Return the same people, one of them with another name. Raises GalleryError."""
    _check_enrolled(people, person)
    if name in people.names:
        raise GalleryError(
            f"{name} is enrolled, too; if both are one, say so with: "
            f'facestream merge "{person}" "{name}"'
        )
    names = tuple(name if each == person else each for each in people.names)
    return replace(people, names=names, aside=_aside(people.aside, person, name))


def merged(people: People, person: str, into: str) -> People:
    """Return the same people but `person`, whose crops are `into`'s. Raises GalleryError.

    Somebody said that they are, so they are vouched for.
    """
    _check_enrolled(people, person)
    _check_enrolled(people, into)
    if person == into:
        raise GalleryError(f"{person} must be another than {into}")
    gone, kept = people.names.index(person), people.names.index(into)

    def numbers(labels: NDArray[np.int32]) -> NDArray[np.int32]:
        moved = np.where(labels == gone, kept, labels)
        return np.asarray(moved - (moved > gone), np.int32)

    return replace(
        people,
        names=tuple(each for each in people.names if each != person),
        labels=numbers(people.labels),
        vouched=people.vouched | (people.labels == gone),
        aside=_aside(people.aside, person, into),
        not_them=replace(people.not_them, labels=numbers(people.not_them.labels)),
    )


def _check_enrolled(people: People, name: str) -> None:
    if name not in people.names:
        raise GalleryError(f"{name!r} is not enrolled; see who is with: facestream people")


def _aside(aside: SetAside, person: str, name: str) -> SetAside:
    def row(old: AsideCrop) -> AsideCrop:
        whose, other = (name if each == person else each for each in (old.person, old.other))
        if whose == other:  # it was nearer to whom it is of now
            return replace(old, person=whose, why="unlike", other="")
        return replace(old, person=whose, other=other)

    return SetAside(tuple(row(old) for old in aside.rows), aside.crops)
