"""Crops that were enrolled and are set aside: kept with their reasons, used for nothing.

They go back by a command, and are forgotten with their person, and with whom they look like.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from streamer.constants import CROP_SIZE
from streamer.errors import GalleryError

Why = Literal["unlike", "close", "asked"]
_ID_LETTERS = 6


def no_crops() -> NDArray[np.uint8]:
    """Return (0, 96, 96, 3) uint8."""
    return np.empty((0, CROP_SIZE, CROP_SIZE, 3), np.uint8)


@dataclass(frozen=True, kw_only=True)
class AsideCrop:
    """What is known of one crop. id: a few letters, the same in every version.

    why: "unlike" the person's others, "close" to `other`'s, or somebody "asked" for it.
    """

    id: str
    person: str
    why: Why
    other: str
    source: str
    since_utc: str

    @property
    def reason(self) -> str:
        """Why it is set aside, for people."""
        if self.why == "close":
            return f"nearer to {self.other} than to the others of {self.person}"
        if self.why == "asked":
            return "somebody has set it aside"
        return f"unlike the others of {self.person}"


@dataclass(frozen=True)
class SetAside:
    """n crops; `crops` are their pictures, or how to read them when wanted."""

    rows: tuple[AsideCrop, ...] = ()
    crops: NDArray[np.uint8] | Callable[[], NDArray[np.uint8]] = no_crops

    @cached_property
    def crops_rgb(self) -> NDArray[np.uint8]:
        """The pictures, (n, 96, 96, 3) uint8. Raises GalleryError where they are damaged."""
        return self.crops() if callable(self.crops) else self.crops

    def with_crop(
        self,
        crop_rgb: NDArray[np.uint8],
        *,
        person: str,
        why: Why,
        other: str,
        source: str,
        since_utc: str,
    ) -> "SetAside":
        """Return these and one more crop, which is given an id."""
        plain = source.encode(errors="surrogateescape").decode(errors="backslashreplace")
        taken = {row.id for row in self.rows}
        content = person.encode() + plain.encode() + crop_rgb.tobytes()
        letters = hashlib.sha256(content).hexdigest()
        starts = range(len(letters) - _ID_LETTERS)
        free = (letters[at : at + _ID_LETTERS] for at in starts)
        row = AsideCrop(
            id=next(word for word in free if word not in taken),
            person=person,
            why=why,
            other=other,
            source=plain,
            since_utc=since_utc,
        )
        return SetAside((*self.rows, row), np.concatenate([self.crops_rgb, crop_rgb[None]]))

    def of(self, name: str) -> list[AsideCrop]:
        """Return what is set aside of one person."""
        return [row for row in self.rows if row.person == name]

    def without(self, ids: Collection[str]) -> "SetAside":
        """Return these but some."""
        keep = [index for index, row in enumerate(self.rows) if row.id not in ids]
        if len(keep) == len(self.rows):
            return self
        return SetAside(tuple(self.rows[index] for index in keep), self.crops_rgb[keep])

    def without_person(self, name: str) -> "SetAside":
        """Return these but a person's own, and those that were too close to theirs."""
        return self.without({row.id for row in self.rows if name in (row.person, row.other)})

    def chosen(self, name: str, ids: Sequence[str]) -> tuple[list[AsideCrop], NDArray[np.uint8]]:
        """Return rows of a person by their ids, and their pictures (n, 96, 96, 3).

        Raises GalleryError for an id that is not theirs, with those that are.
        """
        own = {row.id: index for index, row in enumerate(self.rows) if row.person == name}
        wrong = [word for word in ids if word not in own]
        if wrong:
            there = ", ".join(own) or "none"
            raise GalleryError(
                f"of {name}, no crop {', '.join(map(repr, wrong))} is set aside. There are: {there}"
            )
        places = [own[word] for word in dict.fromkeys(ids)]
        return [self.rows[place] for place in places], self.crops_rgb[places]

    def with_crops(self, crops_rgb: NDArray[np.uint8]) -> "SetAside":
        """Return the same rows with other pictures."""
        return replace(self, crops=crops_rgb)

    def listed(self) -> list[dict[str, str]]:
        """Return the rows as a manifest has them."""
        return [asdict(row) for row in self.rows]


def rows_from(listed: Sequence[Mapping[str, Any]], names: Collection[str]) -> tuple[AsideCrop, ...]:
    """Read what `listed` wrote. Raises ValueError or TypeError where it is none of that."""
    rows = tuple(AsideCrop(**row) for row in listed)
    for row in rows:
        if not all(isinstance(value, str) for value in asdict(row).values()):
            raise TypeError("what is said of a crop that is set aside must be texts")
        if row.why not in get_args(Why) or row.person not in names:
            raise ValueError("a crop that is set aside must be an enrolled person's, with a reason")
        if row.other not in ("", *names):
            raise ValueError("a crop that is set aside must be too close to somebody enrolled")
    if len({row.id for row in rows}) < len(rows):
        raise ValueError("ids of crops that are set aside must be different")
    return rows
