"""The crops of one person: which there are, how well each fits, and what it looks like."""

import threading
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from streamer.errors import GalleryError
from streamer.vision.images import encode_image
from streamer.wire import control as wire
from streamer.wire.control import MAX_CROP_ROWS, MAX_SOURCE
from streamer.wire.messages import MAX_TEXT
from trainer.enrolment.likeness import nearest_own_and_other
from workers.classifier.held_out import HeldOut
from workers.classifier.scorers import NOBODY
from workers.gallery.aside import AsideCrop
from workers.gallery.crop_ids import crop_ids
from workers.gallery.version import Gallery
from workers.names import composed_name

_FAR = 4.0
_JPEG_QUALITY = 92


class Pictures:
    """Pictures of whom was asked about last, for a page asks for one after the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._whose: tuple[str, str] | None = None
        self._crops: dict[str, NDArray[np.uint8]] = {}
        self._dropped = 0

    def of(self, gallery: Gallery, name: str) -> Mapping[str, NDArray[np.uint8]]:
        """Return a person's crops by id, (96, 96, 3) uint8 each, set aside or not."""
        with self._lock:
            if self._whose == (gallery.version, name):
                return self._crops
            before = self._dropped
        people = gallery.people
        found = {word: people.crops_rgb[row].copy() for word, row in crop_ids(people, name).items()}
        for index, row in enumerate(people.aside.rows):
            if row.person == name:
                found[row.id] = people.aside.crops_rgb[index].copy()
        with self._lock:
            if self._dropped == before:  # or somebody was forgotten meanwhile
                self._whose, self._crops = (gallery.version, name), found
        return found

    def drop(self) -> None:
        """Keep nobody's."""
        with self._lock:
            self._whose, self._crops, self._dropped = None, {}, self._dropped + 1


def crops(gallery: Gallery, question: wire.CropsWanted) -> wire.Crops:
    """List a person's crops. Raises GalleryError for somebody who is not enrolled."""
    name, people = composed_name(question.person), gallery.people
    ids = list(_enrolled(gallery, name).items())
    end = question.offset + MAX_CROP_ROWS
    rows = _kept(gallery, name, ids[question.offset : end])
    aside = people.aside.of(name)
    first = max(0, question.offset - len(ids))
    rows += [_aside(row) for row in aside[first : max(0, end - len(ids))]]
    return wire.Crops(
        id=question.id, version=gallery.version, total=len(ids) + len(aside), crops=tuple(rows)
    )


def picture(
    gallery: Gallery, pictures: Pictures, question: wire.CropPictureWanted
) -> tuple[wire.CropPicture, list[bytes]]:
    """Return the picture of a crop. Raises GalleryError where there is none of that id."""
    name = composed_name(question.person)
    _enrolled(gallery, name)
    crop_rgb = pictures.of(gallery, name).get(question.crop)
    if crop_rgb is None:
        raise GalleryError(
            f"{name} has no crop {question.crop!r} any more; ask again which there are"
        )
    suffix = ".png" if question.format == "png" else ".jpg"
    content = encode_image(np.ascontiguousarray(crop_rgb[:, :, ::-1]), suffix, _JPEG_QUALITY)
    answer = wire.CropPicture(
        id=question.id, crop=question.crop, format=question.format, size=len(content)
    )
    return answer, [content]


def share_named_rightly(gallery: Gallery, person: int) -> float | None:
    """Return the share of a person's crops that got the name when held out; None: not tried."""
    said = gallery.classifier.held_out
    if said is None:
        return None
    own = gallery.people.labels == person
    return float((said.person[own] == person).mean())


def _enrolled(gallery: Gallery, name: str) -> dict[str, int]:
    if name not in gallery.people.names:
        raise GalleryError(f"{name!r} is not enrolled; see who is with: facestream people")
    return crop_ids(gallery.people, name)


def _kept(gallery: Gallery, name: str, ids: Sequence[tuple[str, int]]) -> list[wire.CropRow]:
    people = gallery.people
    everybody = np.ones(len(people.labels), np.bool_)
    rows = np.array([row for _, row in ids], np.int64)
    own, other, whose = nearest_own_and_other(people.embeddings, people.labels, rows, everybody)
    listed = []
    for (word, row), near, far, nearest in zip(
        ids, own.tolist(), other.tolist(), whose.tolist(), strict=True
    ):
        alone = len(people.names) == 1
        verdict, named = _verdict(gallery.classifier.held_out, people.names, row, name)
        listed.append(
            wire.CropRow(
                crop=word,
                kept=True,
                source=_shown(people.sources[row]),
                verdict=verdict,
                named=named,
                likeness=None if near >= _FAR else 1 - near / 2,
                other="" if alone else people.names[nearest],
                other_likeness=None if alone else 1 - far / 2,
                vouched=bool(people.vouched[row]),
            )
        )
    return listed


def _verdict(
    said: HeldOut | None, names: Sequence[str], row: int, name: str
) -> tuple[wire.Verdict, str]:
    if said is None:
        return "untried", ""
    person = int(said.person[row])
    if person == NOBODY:
        return "nobody", ""
    return ("right", "") if names[person] == name else ("wrong", names[person])


def _aside(row: AsideCrop) -> wire.CropRow:
    return wire.CropRow(
        crop=row.id,
        kept=False,
        source=_shown(row.source),
        reason=row.reason[:MAX_TEXT],
        since_utc=row.since_utc,
    )


def _shown(source: str) -> str:
    """Return the end of where a crop came from, as text that can be sent."""
    plain = source.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return plain[-MAX_SOURCE:]
