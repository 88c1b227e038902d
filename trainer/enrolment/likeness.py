"""How like the crops of people are to their own others, and to other people's."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workers.classifier.impostors import Impostors

_NEARER_STRANGERS = 0.1
_ENOUGH_FOR_OUTLIERS = 4
_BLOCK = 256  # rows whose distances to all others are in memory at once
Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


def squared(a: Floats, b: Floats) -> Floats:
    """Squared distances between unit rows: (n, m), 0 to 4."""
    return np.asarray(np.clip(2.0 - 2.0 * a @ b.T, 0.0, 4.0), np.float32)


def unit(rows: Floats) -> Floats:
    """Return the rows with length 1."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def unlike_the_rest(own: Floats, impostors: Impostors) -> list[int]:
    """Indexes of crops that look less like a person's others than one stranger in ten does.

    It takes four crops to tell.
    """
    if len(own) < _ENOUGH_FOR_OUTLIERS:
        return []
    odd, total = [], own.sum(axis=0)
    for index, vector in enumerate(own):
        middle = unit((total - vector)[None])
        strangers = squared(impostors.embeddings, middle)[:, 0]
        limit = np.quantile(strangers, _NEARER_STRANGERS)
        if squared(vector[None], middle)[0, 0] > limit:
            odd.append(index)
    return odd


def nearest_own_and_other(
    vectors: Floats,
    labels: NDArray[np.int32],
    rows: Sequence[int] | Integers,
    others: NDArray[np.bool_],
) -> tuple[Floats, Floats, Integers]:
    """For each of some rows: squared distances to the nearest crop of its own person and of others.

    others (n,): which rows count as other people's. The third is whose that nearest one is; 4 is
    far from everybody.
    """
    rows = np.asarray(rows, np.int64)
    own, other = np.full(len(rows), 4.0, np.float32), np.full(len(rows), 4.0, np.float32)
    whose = np.zeros(len(rows), np.int64)
    for start in range(0, len(rows), _BLOCK):
        some = rows[start : start + _BLOCK]
        apart = squared(vectors[some], vectors)
        apart[np.arange(len(some)), some] = 4.0
        same = labels[some][:, None] == labels[None]
        block = slice(start, start + len(some))
        own[block] = np.where(same, apart, 4.0).min(axis=1, initial=4.0)
        foreign = np.where(same | ~others[None], np.float32(4.0), apart)
        nearest = foreign.argmin(axis=1)
        other[block], whose[block] = foreign[np.arange(len(some)), nearest], labels[nearest]
    return own, other, whose


def look_alikes(
    vectors: Floats, labels: NDArray[np.int32], impostors: Impostors
) -> list[tuple[int, int]]:
    """Pairs of people of whom most crops of the first look like the second: (who, like whom)."""
    rows = np.arange(len(labels))
    _, other, whose = nearest_own_and_other(vectors, labels, rows, np.ones(len(rows), np.bool_))
    near = other < impostors.same_person_limit()
    pairs = []
    for person in np.unique(labels):
        own = labels == person
        like = np.bincount(whose[own & near], minlength=1)
        if like.max() > own.sum() / 2:
            pairs.append((int(person), int(like.argmax())))
    return pairs
