"""From drafts to a draft truth file: who of them is probably one person, and sparse keys."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.vision.align import Alignment
from streamer.vision.faces import DetectedFace
from streamer.vision.landmarks import LandmarkFinder
from streamer.vision.quality import MeasuredCrop, measure_crop
from trainer.labelling.linking import Draft, sparse
from trainer.labelling.looking import Looked
from trainer.support.clips import frames_of
from trainer.truth.file import Truth, TruthTrack
from trainer.truth.keys import Key

CROPS_PER_TRACK = 8

Embed = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Crops (n, 96, 96, 3) uint8 RGB to unit vectors (n, 128)."""


def track_crops(
    clip: Path, drafts: Sequence[Draft], alignment: Alignment
) -> list[list[MeasuredCrop]]:
    """Cut some crops of each track, where it was found, spread over its time."""
    finder = LandmarkFinder()
    wanted: dict[int, list[int]] = {}
    for index, draft in enumerate(drafts):
        frames = [draft.first + i for i, found in enumerate(draft.found) if found]
        picked = np.linspace(0, len(frames) - 1, min(CROPS_PER_TRACK, len(frames))).round()
        for place in picked:
            wanted.setdefault(frames[int(place)], []).append(index)
    crops: list[list[MeasuredCrop]] = [[] for _ in drafts]
    for number, (_, image_bgr) in enumerate(frames_of(clip)):
        for index in wanted.get(number, []):
            box = drafts[index].boxes[number - drafts[index].first]
            (points,) = finder.find(image_bgr, [box])
            if points.is_face():
                crops[index].append(measure_crop(image_bgr, DetectedFace(box, points), alignment))
    return crops


def group(
    crops: Sequence[Sequence[MeasuredCrop]], drafts: Sequence[Draft], embed: Embed, limit: float
) -> list[int]:
    """Say which person each track is probably of: numbers from 1, in order of their first tracks.

    A track's template is the mean of its embeddings, weighted by quality. The two nearest groups
    are joined while they are within `limit` (squared distance) and never in view at once.
    """
    vectors: dict[int, NDArray[np.float64]] = {}
    for index, own in enumerate(crops):
        if own:
            found = embed(np.stack([crop.crop_rgb for crop in own])).astype(np.float64)
            mean = np.average(found, axis=0, weights=[crop.quality for crop in own])
            vectors[index] = mean / np.linalg.norm(mean)
    groups = [[index] for index in range(len(drafts))]
    while (pair := _nearest(groups, vectors, drafts, limit)) is not None:
        first, second = pair
        groups[first] += groups.pop(second)
    groups.sort(key=min)
    return [
        next(number for number, members in enumerate(groups, 1) if index in members)
        for index in range(len(drafts))
    ]


def draft_truth(
    clip: Path, looked: Looked, drafts: Sequence[Draft], persons: Sequence[int]
) -> Truth:
    """Make the draft file: its persons are person-1, person-2, ..., none of them known yet."""
    tracks = []
    for draft, person in zip(drafts, persons, strict=True):
        keys = tuple(
            Key(looked.ms(draft.first + at), *draft.boxes[at]) for at in sparse(draft.boxes)
        )
        tracks.append(TruthTrack(f"person-{person}", False, keys))
    return Truth(
        clip=clip.name,
        width=looked.width,
        height=looked.height,
        fps=looked.fps,
        duration_ms=looked.ms(len(looked.found)),
        tracks=tuple(tracks),
    )


def _nearest(
    groups: list[list[int]],
    vectors: dict[int, NDArray[np.float64]],
    drafts: Sequence[Draft],
    limit: float,
) -> tuple[int, int] | None:
    best: tuple[float, tuple[int, int]] | None = None
    for second in range(len(groups)):
        for first in range(second):
            pairs = [(a, b) for a in groups[first] for b in groups[second]]
            known = [(a, b) for a, b in pairs if a in vectors and b in vectors]
            if not known or any(_at_once(drafts[a], drafts[b]) for a, b in pairs):
                continue
            apart = float(np.mean([2 - 2 * vectors[a] @ vectors[b] for a, b in known]))
            if apart <= limit and (best is None or apart < best[0]):
                best = apart, (first, second)
    return None if best is None else best[1]


def _at_once(one: Draft, other: Draft) -> bool:
    return one.first <= other.last and other.first <= one.last
