"""Crops of somebody that are set aside, put back, or all embedded anew."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from streamer.errors import ControlError, GalleryError
from streamer.wire.control import PutBack, Rebuild, SetAside
from streamer.wire.timestamps import utc_text
from trainer.control.desk import Desk
from trainer.control.work import Work
from workers.gallery.crop_ids import crop_ids
from workers.gallery.people import People
from workers.gallery.version import Gallery
from workers.names import composed_name

if TYPE_CHECKING:
    from workers.embedding.embedder import Embedder

_BATCH = 32
_ATTEMPTS = 5


def set_aside(desk: Desk, change: SetAside, work: Work) -> None:
    """Set crops of somebody aside, in the next version; one at least stays."""
    person, wanted = composed_name(change.person), list(dict.fromkeys(change.crops))
    already = desk.set_aside()
    work.progress("fitting")
    with desk.store.lock():
        gallery = desk.in_use()
        people = gallery.people
        _check_enrolled(people, person)
        ids = crop_ids(people, person)
        unknown = [word for word in wanted if word not in ids]
        if work.resumed and unknown == wanted:
            work.version = gallery.version
            work.say(f"{len(wanted)} crops of {person} were set aside before")
            return
        if unknown:
            there = ", ".join(map(repr, unknown[:3]))
            raise GalleryError(f"{person} has no crop {there} any more; ask again which there are")
        if len(wanted) == len(ids):
            raise GalleryError(
                f"a crop of {person} at least must stay; all that is held of somebody is deleted "
                f"with: facestream forget"
            )
        desk.store.load(desk.weights)  # or another network has embedded them
        now = utc_text(time.time_ns())
        rows, aside = [ids[word] for word in wanted], people.aside
        for row in rows:
            aside = aside.with_crop(
                people.crops_rgb[row],
                person=person,
                why="asked",
                other="",
                source=people.sources[row],
                since_utc=now,
            )
        people = replace(people.without_rows(rows), aside=aside)
        _save(desk, people, desk.weights, already, work)
    work.say(f"{person}: {len(wanted)} crops are set aside; gallery {work.version}")


def put_back(desk: Desk, change: PutBack, work: Work) -> None:
    """Put crops that were set aside back; they are this person's, and stay."""
    person, already = composed_name(change.person), desk.set_aside()
    gallery = desk.in_use()
    _check_enrolled(gallery.people, person)
    if work.resumed and not {row.id for row in gallery.people.aside.of(person)} & {*change.crops}:
        work.version = gallery.version
        work.say(f"{len(change.crops)} crops of {person} were put back before")
        return
    _, crops_rgb = gallery.people.aside.chosen(person, change.crops)
    embedder = desk.embedder(work)
    vectors = _embedded(crops_rgb, embedder, work)
    with desk.store.lock():
        current = desk.store.load(embedder.fingerprint)  # or another network embedded the others
        if current is None:
            raise GalleryError(f"{person!r} is not enrolled; see: facestream people")
        people = current.people
        rows, still = people.aside.chosen(person, change.crops)
        if not np.array_equal(still, crops_rgb):
            raise ControlError("the gallery was changed meanwhile; ask again")
        sources = [row.source for row in rows]
        people = people.with_person(person, crops_rgb, vectors, sources, vouched=True)
        people = replace(people, aside=people.aside.without({row.id for row in rows}))
        _save(desk, people, embedder.fingerprint, already, work)
    work.say(f"{person}: {len(rows)} crops are back; gallery {work.version}")


def rebuild(desk: Desk, change: Rebuild, work: Work) -> None:
    """Make the gallery anew from its crops, with the weights and settings in use."""
    from trainer.enrolment.realign import realigned

    already = desk.set_aside()
    for _ in range(_ATTEMPTS):
        with desk.store.lock():
            gallery = desk.store.read()
        if gallery is None:
            raise GalleryError("nobody is enrolled; there is nothing to rebuild")
        embedder = desk.embedder(work)
        people = realigned(gallery.people, embedder.alignment)
        vectors = _embedded(people.crops_rgb, embedder, work)
        others = _embedded(people.not_them.crops_rgb, embedder, work)
        with desk.store.lock():  # others wrote while these were embedded: once more
            if desk.store.current_version() != gallery.version:
                continue
            people = replace(
                people, embeddings=vectors, not_them=replace(people.not_them, embeddings=others)
            )
            saved = _save(desk, people, embedder.fingerprint, already, work)
        work.say(f"gallery {saved.version} is made with weights {saved.weights}")
        return
    raise ControlError("the gallery was changed again and again meanwhile; ask again later")


def _save(desk: Desk, people: People, weights: str, already: frozenset[str], work: Work) -> Gallery:
    """Judge everybody's crops again, and make the next version; the gallery's lock is held."""
    from trainer.enrolment.judge import judged_again
    from trainer.enrolment.reporting import tell_aside

    people, _ = judged_again(people, desk.impostors, utc_text(time.time_ns()))
    work.check()
    saved = desk.store.save(people, weights, desk.impostors, desk.spec)
    work.version = saved.version
    tell_aside(saved, already, work.warn)
    return saved


def _embedded(
    crops_rgb: NDArray[np.uint8], embedder: "Embedder", work: Work
) -> NDArray[np.float32]:
    parts = [np.empty((0, 128), np.float32)]
    for start in range(0, len(crops_rgb), _BATCH):
        work.progress("embedding", start, len(crops_rgb))
        parts.append(embedder.embed(crops_rgb[start : start + _BATCH]))
    return np.concatenate(parts)


def _check_enrolled(people: People, name: str) -> None:
    if name not in people.names:
        raise GalleryError(f"{name!r} is not enrolled; see: facestream people")
