"""Descriptors of faces, as unit vectors: of several teachers side by side, and who is alike.

Who is alike is asked of descriptors as they are: centred, teachers tell people apart less well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.errors import DatasetError

_COMPARED = 4096
_ROWS = 4096


def unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Scale each row to length 1."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


@dataclass(frozen=True)
class SideBySide:
    """Several teachers' descriptors as one: each centred, at length 1, in its share.

    The similarity of two faces is then the mean of the teachers' similarities by these shares.
    Centred, the similarity of strangers is about 0 for any teacher.
    """

    means: tuple[NDArray[np.float32], ...]
    shares: tuple[float, ...]

    @classmethod
    def of(
        cls, descriptors: Sequence[NDArray[np.float32]], shares: Sequence[float]
    ) -> "SideBySide":
        """Take the means of these descriptors, (n, numbers) of each teacher."""
        whole = sum(shares)
        return cls(
            tuple(one.mean(axis=0) for one in descriptors),
            tuple(share / whole for share in shares),
        )

    def __call__(self, descriptors: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Join the descriptors of each teacher to (n, all numbers), unit vectors."""
        parts = zip(descriptors, self.means, self.shares, strict=True)
        joined = [np.sqrt(share) * unit(one - mean) for one, mean, share in parts]
        return np.asarray(np.concatenate(joined, axis=1), np.float32)


def mixed(
    descriptors: Sequence[NDArray[np.float32]], shares: Sequence[float]
) -> NDArray[np.float32]:
    """Join each teacher's descriptors as they are: (n, all numbers), unit vectors."""
    whole = sum(shares)
    parts = zip(descriptors, shares, strict=True)
    return np.concatenate(
        [np.sqrt(np.float32(share / whole)) * one for one, share in parts], axis=1
    )


def stranger_limit(
    vectors: NDArray[np.float32], people: Sequence[str], rate: float = 1e-5
) -> float:
    """Find the similarity that so few pairs of two people's faces exceed, or the next to none.

    vectors (n, numbers), people (n,): whose face it is. Raises DatasetError for fewer than two
    people.
    """
    some = np.random.default_rng(0).permutation(len(vectors))[:_COMPARED]
    _, person = np.unique(np.array(people)[some], return_inverse=True)
    first, second = np.triu_indices(len(some), 1)
    strangers = (vectors[some] @ vectors[some].T)[first, second][person[first] != person[second]]
    if not len(strangers):
        raise DatasetError(
            "photos of people who are left out must be in folders named after them, of two "
            "people or more"
        )
    rank = max(1, int(rate * len(strangers)))
    return float(np.partition(strangers, -rank)[-rank])


def alike(
    vectors: NDArray[np.float32], others: NDArray[np.float32], limit: float
) -> NDArray[np.bool_]:
    """(n,) whether a face's similarity to any of the others is above the limit.

    vectors (n, numbers), others (m, numbers): unit vectors; there may be no others.
    """
    found = np.zeros(len(vectors), np.bool_)
    if not len(others):
        return found
    for start in range(0, len(vectors), _ROWS):
        some = vectors[start : start + _ROWS]
        found[start : start + _ROWS] = (some @ others.T).max(axis=1) > limit
    return found
