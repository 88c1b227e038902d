"""Enrolment: the best and most varied crops of people become the gallery's next version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import EnrolConfig
from trainer.enrolment.contact_sheet import manifest_csv, sheet_jpeg
from trainer.enrolment.rows import Face, Harvest
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.impostors import Impostors
from workers.embedding.embedder import Embedder
from workers.gallery.people import People
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery
from workers.names import file_name_of

SAME_MOMENT_SQUARED_DISTANCE = 0.002
_NEARER_STRANGERS = 0.1
_ENOUGH_FOR_OUTLIERS = 4
_ENOUGH_OF_A_TRACK = 3
_TWO_PEOPLE_RATE = 0.01
_BATCH = 32
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Intake:
    """One person's rows with their final verdicts, and the embeddings of those that are used.

    `refused`: why nobody is enrolled from them, or "".
    """

    faces: list[Face]
    files: list[tuple[str, str]]
    used: list[Face]
    embeddings: Floats
    refused: str = ""


def enrol(
    store: GalleryStore,
    found: Mapping[str, Harvest],
    *,
    embedder: Embedder,
    impostors: Impostors,
    rules: EnrolConfig,
    spec: ClassifierSpec,
    force: bool = False,
) -> tuple[Gallery | None, dict[str, Intake]]:
    """Add people's crops to the gallery as its next version; that, and what became of each row.

    People of whom nothing can be used have the reason in their intake; the gallery is None where
    that is everybody. With `force`, likeness to other people is no reason.
    """
    vectors = {name: embed_all(crops_of(h.usable), embedder) for name, h in found.items()}
    with store.lock():
        current = store.load(embedder.fingerprint)
        people = current.people if current else People.nobody(embedder.alignment)
        intakes = {
            name: _take_in(
                name,
                harvested=harvested,
                vectors=vectors,
                people=people,
                impostors=impostors,
                rules=rules,
                force=force,
            )
            for name, harvested in found.items()
        }
        taken = {name: intake for name, intake in intakes.items() if not intake.refused}
        if not taken:
            return None, intakes
        for name, intake in taken.items():
            people = people.with_person(
                name,
                crops_of(intake.used),
                intake.embeddings,
                [face.source.text for face in intake.used],
            )
        gallery = store.save(people, embedder.fingerprint, impostors, spec, papers(intakes))
    return gallery, intakes


def papers(intakes: Mapping[str, Intake]) -> dict[str, bytes]:
    """Return the manifest and the contact sheets that go with an enrolment, by file name."""
    rows = [(name, intake.faces, intake.files) for name, intake in intakes.items()]
    sheets = {
        f"sheet-{index:03d}-{file_name_of(name)}.jpg": sheet_jpeg(name, intake.faces)
        for index, (name, intake) in enumerate(intakes.items(), start=1)
        if intake.faces
    }
    return {"enrolment.csv": manifest_csv(rows), **sheets}


def embed_all(crops_rgb: NDArray[np.uint8], embedder: Embedder) -> Floats:
    """Embeddings of any number of crops, in batches: (n, 128)."""
    batches = range(0, len(crops_rgb), _BATCH)
    parts = [embedder.embed(crops_rgb[start : start + _BATCH]) for start in batches]
    return np.concatenate(parts) if parts else np.empty((0, 128), np.float32)


def crops_of(faces: Sequence[Face]) -> NDArray[np.uint8]:
    """(n, 96, 96, 3) uint8 of the rows."""
    crops = [face.crop.crop_rgb for face in faces]
    return np.stack(crops) if crops else np.empty((0, 96, 96, 3), np.uint8)


def varied(
    vectors: Floats, own: Floats, limit: int, quality: NDArray[np.float64] | None = None
) -> list[int]:
    """Indexes of at most `limit` rows, each unlike the others and unlike `own` rows.

    Farthest first, weighted by quality, so that a long clip gives its variety and not its
    length, and of crops that are alike the best one is taken.
    """
    weight = np.ones(len(vectors)) if quality is None else np.maximum(quality, 1e-3)
    apart = np.full(len(vectors), 4.0)
    if len(own):
        apart = _squared(vectors, own).min(axis=1)
    chosen: list[int] = []
    while len(chosen) < min(limit, len(vectors)):
        index = int(np.where(apart < SAME_MOMENT_SQUARED_DISTANCE, -1.0, apart * weight).argmax())
        if apart[index] < SAME_MOMENT_SQUARED_DISTANCE:
            break
        chosen.append(index)
        apart = np.minimum(apart, _squared(vectors, vectors[index : index + 1])[:, 0])
        apart[index] = 0.0
    return chosen


def _take_in(
    name: str,
    *,
    harvested: Harvest,
    vectors: Mapping[str, Floats],
    people: People,
    impostors: Impostors,
    rules: EnrolConfig,
    force: bool,
) -> Intake:
    usable, own = harvested.usable, vectors[name]
    reasons = [""] * len(usable)
    mine = people.names.index(name) if name in people.names else None
    known = people.embeddings[people.labels == mine] if mine is not None else people.embeddings[:0]
    if not force:
        _refuse_clips_of_two(usable, own, impostors, reasons)
        _refuse_look_alikes(own, known, _others(name, vectors, people), impostors, reasons)
        _refuse_odd_ones(own, impostors, reasons)
    left = [index for index, reason in enumerate(reasons) if not reason]
    quality = np.array([usable[index].crop.quality for index in left])
    picked = varied(own[left], known, rules.max_crops, quality)
    used = sorted(left[index] for index in picked)
    rest = "nearly the same as another crop"
    if len(picked) == rules.max_crops:
        rest = f"less varied than the {rules.max_crops} that are used (enrol.max_crops)"
    final = iter(
        replace(face, refused=reasons[index] or ("" if index in used else rest))
        for index, face in enumerate(usable)
    )
    faces = [face if face.refused else next(final) for face in harvested.faces]
    return Intake(
        faces,
        harvested.refused_files,
        [usable[index] for index in used],
        own[used],
        _why_nobody(len(usable), reasons, len(used), len(known), rules),
    )


def _why_nobody(
    usable: int, reasons: Sequence[str], used: int, known: int, rules: EnrolConfig
) -> str:
    if not usable:
        return "no picture can be used"
    alike = [reason for reason in reasons if reason.startswith("looks like")]
    if len(alike) > usable / 2:
        other = max(set(alike), key=alike.count).removeprefix("looks like ")
        return (
            f"these pictures look like {other}; give them that name, or use --force if it is "
            f"another person"
        )
    if not used:
        odd = next((reason for reason in reasons if reason), "")
        return odd or "nothing new: these pictures, or nearly the same ones, are enrolled"
    if used + known < rules.min_crops:
        return (
            f"only {used + known} crops can be used, and {rules.min_crops} are wanted "
            f"(enrol.min_crops)"
        )
    return ""


def _refuse_clips_of_two(
    usable: Sequence[Face], own: Floats, impostors: Impostors, reasons: list[str]
) -> None:
    """Mark clips in which one face after another shows people who do not look alike."""
    limit = impostors.same_person_limit(_TWO_PEOPLE_RATE)
    clips: dict[str, dict[int, list[int]]] = {}
    for index, face in enumerate(usable):
        path, track = face.source.followed_face
        if track is not None:
            clips.setdefault(path, {}).setdefault(track, []).append(index)
    for tracks in clips.values():
        long = [rows for rows in tracks.values() if len(rows) >= _ENOUGH_OF_A_TRACK]
        means = _unit(np.array([own[rows].mean(axis=0) for rows in long]).reshape(-1, 128))
        if len(long) > 1 and _squared(means, means).max() > limit:
            for index in (index for rows in tracks.values() for index in rows):
                reasons[index] = "the clip seems to show two people; cut it to one"


def _others(name: str, vectors: Mapping[str, Floats], people: People) -> list[tuple[str, Floats]]:
    enrolled = [
        (other, people.embeddings[people.labels == index])
        for index, other in enumerate(people.names)
        if other != name
    ]
    new = [(other, rows) for other, rows in vectors.items() if other != name and len(rows)]
    return enrolled + new


def _refuse_look_alikes(
    own: Floats,
    known: Floats,
    others: Sequence[tuple[str, Floats]],
    impostors: Impostors,
    reasons: list[str],
) -> None:
    """Mark crops that are nearer to another person than to the rest of their own."""
    if not others or not len(own):
        return
    limit = impostors.same_person_limit()
    to_own = _to_rest_of_own(own, known)
    to_others = np.stack([_squared(own, rows).min(axis=1) for _, rows in others], axis=1)
    nearest = to_others.argmin(axis=1)
    for index, other in enumerate(nearest):
        if not reasons[index] and to_others[index, other] < min(limit, to_own[index]):
            reasons[index] = f"looks like {others[other][0]}"


def _to_rest_of_own(own: Floats, known: Floats) -> Floats:
    apart = _squared(own, own)
    np.fill_diagonal(apart, 4.0)
    everybody = np.concatenate([apart, _squared(own, known)], axis=1)
    return np.asarray(everybody.min(axis=1, initial=4.0), np.float32)


def _refuse_odd_ones(own: Floats, impostors: Impostors, reasons: list[str]) -> None:
    """Mark crops that look less like the person's others than one stranger in ten does."""
    left = [index for index, reason in enumerate(reasons) if not reason]
    if len(left) < _ENOUGH_FOR_OUTLIERS:
        return
    total = own[left].sum(axis=0)
    for index in left:
        middle = _unit((total - own[index])[None])
        strangers = _squared(impostors.embeddings, middle)[:, 0]
        if _squared(own[index : index + 1], middle)[0, 0] > np.quantile(
            strangers, _NEARER_STRANGERS
        ):
            reasons[index] = (
                "looks less like the others of this person than one stranger in ten does"
            )


def _squared(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.clip(2.0 - 2.0 * a @ b.T, 0.0, 4.0), np.float32)


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)
