"""One person's harvest judged before it is enrolled: what is used, and why the rest is not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import EnrolConfig
from trainer.enrolment.likeness import Floats, squared, unit, unlike_the_rest
from trainer.enrolment.rows import Face, Harvest
from workers.classifier.impostors import Impostors
from workers.gallery.people import People

SAME_MOMENT_SQUARED_DISTANCE = 0.002
_ENOUGH_OF_A_TRACK = 3
_TWO_PEOPLE_RATE = 0.01
_UNLIKE_RATE = 0.01
"""A crop is unlike another if so many pairs of different people are nearer; of pairs of one person,
0.2 % are farther apart (LFW)."""


@dataclass(frozen=True)
class Intake:
    """One person's rows with their final verdicts, and the embeddings of those that are used.

    refused: why nobody is enrolled from them, or "". looks_like: whom most of them look like, if
    that is why, or if somebody said that it is another person.
    """

    faces: list[Face]
    files: list[tuple[str, str]]
    used: list[Face]
    embeddings: Floats
    refused: str = ""
    looks_like: str = ""


def take_in(
    name: str,
    *,
    harvested: Harvest,
    vectors: Mapping[str, Floats],
    people: People,
    impostors: Impostors,
    rules: EnrolConfig,
    force: bool,
    accepted: bool,
) -> Intake:
    """Judge a person's harvest by the person's own crops and by everybody else's.

    vectors: embeddings of the usable faces of everybody who is being enrolled. people: who is.
    accepted: somebody said that it is not whom it looks like.
    """
    usable, own = harvested.usable, vectors[name]
    reasons, alike = [""] * len(usable), [""] * len(usable)
    mine = people.names.index(name) if name in people.names else None
    known = people.embeddings[people.labels == mine] if mine is not None else people.embeddings[:0]
    if not force:
        _refuse_clips_of_two(usable, own, impostors, reasons)
        others = _others(name, vectors, people)
        _find_look_alikes(own, known, others, impostors, reasons, alike)
        _refuse_look_alikes(own, others, alike, reasons, accepted)
        _refuse_odd_ones(own, impostors, reasons)
    left = [index for index, reason in enumerate(reasons) if not reason]
    quality = np.array([usable[index].crop.quality for index in left])
    picked = varied(own[left], known, rules.max_crops, quality)
    used = sorted(left[index] for index in picked)
    doubtful = {used[place] for place in _unlike_any_other(own[used], known, impostors)}
    doubt = f"it looks like no other picture of {name}; is it of the same person?"
    rest = "nearly the same as another crop"
    if len(picked) == rules.max_crops:
        rest = f"less varied than the {rules.max_crops} that are used (enrol.max_crops)"
    judged = [
        replace(
            face,
            refused=reasons[index] or ("" if index in used else rest),
            looks_like=alike[index],
            warning=face.warning or (doubt if index in doubtful else ""),
        )
        for index, face in enumerate(usable)
    ]
    rows = iter(judged)
    faces = [face if face.refused else next(rows) for face in harvested.faces]
    looks_like = _looks_like(alike)
    return Intake(
        faces,
        harvested.refused_files,
        [judged[index] for index in used],
        own[used],
        _why_nobody(
            len(usable), reasons, len(used), len(known), rules, "" if accepted else looks_like
        ),
        looks_like,
    )


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
        apart = squared(vectors, own).min(axis=1)
    chosen: list[int] = []
    while len(chosen) < min(limit, len(vectors)):
        index = int(np.where(apart < SAME_MOMENT_SQUARED_DISTANCE, -1.0, apart * weight).argmax())
        if apart[index] < SAME_MOMENT_SQUARED_DISTANCE:
            break
        chosen.append(index)
        apart = np.minimum(apart, squared(vectors, vectors[index : index + 1])[:, 0])
        apart[index] = 0.0
    return chosen


def _looks_like(alike: Sequence[str]) -> str:
    """Return whom more than half of the crops look like, or ""."""
    named = [other for other in alike if other]
    return max(sorted(set(named)), key=named.count) if len(named) > len(alike) / 2 else ""


def _why_nobody(
    usable: int,
    reasons: Sequence[str],
    used: int,
    known: int,
    rules: EnrolConfig,
    looks_like: str,
) -> str:
    if not usable:
        return "no picture can be used"
    if looks_like:
        return (
            f"these pictures look like {looks_like}; give them that name, or say with "
            f"--accept-look-alikes that it is another person (a brother, a twin)"
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
        means = unit(np.array([own[rows].mean(axis=0) for rows in long]).reshape(-1, 128))
        if len(long) > 1 and squared(means, means).max() > limit:
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


def _find_look_alikes(
    own: Floats,
    known: Floats,
    others: Sequence[tuple[str, Floats]],
    impostors: Impostors,
    reasons: Sequence[str],
    alike: list[str],
) -> None:
    """Note in `alike` whom crops look like that are nearer to another than to their own."""
    if not others or not len(own):
        return
    limit = impostors.same_person_limit()
    to_own = _to_rest_of_own(own, known)
    to_others = np.stack([squared(own, rows).min(axis=1) for _, rows in others], axis=1)
    nearest = to_others.argmin(axis=1)
    for index, other in enumerate(nearest):
        if not reasons[index] and to_others[index, other] < min(limit, to_own[index]):
            alike[index] = others[other][0]


def _refuse_look_alikes(
    own: Floats,
    others: Sequence[tuple[str, Floats]],
    alike: Sequence[str],
    reasons: list[str],
    accepted: bool,
) -> None:
    """Mark them, unless it is another person; and pictures that somebody else has, always."""
    rows_of = dict(others)
    for index, other in enumerate(alike):
        if not other:
            continue
        apart = squared(own[index : index + 1], rows_of[other]).min()
        if not accepted or apart < SAME_MOMENT_SQUARED_DISTANCE:
            reasons[index] = f"looks like {other}"


def _to_rest_of_own(own: Floats, known: Floats) -> Floats:
    apart = squared(own, own)
    np.fill_diagonal(apart, 4.0)
    everybody = np.concatenate([apart, squared(own, known)], axis=1)
    return np.asarray(everybody.min(axis=1, initial=4.0), np.float32)


def _unlike_any_other(own: Floats, known: Floats, impostors: Impostors) -> list[int]:
    """Indexes of crops that look like no other of the person's; there must be another."""
    if len(own) + len(known) < 2:
        return []
    limit = impostors.same_person_limit(_UNLIKE_RATE)
    return [int(index) for index in np.flatnonzero(_to_rest_of_own(own, known) > limit)]


def _refuse_odd_ones(own: Floats, impostors: Impostors, reasons: list[str]) -> None:
    """Mark crops that look less like the person's others than one stranger in ten does."""
    left = [index for index, reason in enumerate(reasons) if not reason]
    for place in unlike_the_rest(own[left], impostors):
        reasons[left[place]] = (
            "looks less like the others of this person than one stranger in ten does"
        )
