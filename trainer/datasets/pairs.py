"""The LFW protocol's pairs file and its figures.

Source: Huang et al., "Labeled Faces in the Wild" (2007); the file is `pairs.txt`: a line with
the number of folds and of pairs, then per fold as many lines of the same person
(name, i, j) as of different people (name, i, name, j).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.errors import ConfigError, DatasetError


@dataclass(frozen=True)
class Pair:
    """Two pictures (`Name/Name_0001.jpg`, relative to the root) of the same person or not."""

    first: str
    second: str
    same: bool
    fold: int  # from 1


def read_pairs(path: Path) -> list[Pair]:
    """Read a pairs file. Raises DatasetError with the line that is wrong."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: the pairs file cannot be read: {error}") from error
    try:
        folds, count = (int(word) for word in lines[0].split())
    except (IndexError, ValueError):
        raise DatasetError(f"{path}:1: must be the number of folds and of pairs") from None
    pairs = []
    for number, line in enumerate(lines[1:], start=2):
        words = line.split()
        fold = (number - 2) // (2 * count) + 1
        try:
            if len(words) == 3:
                name, i, j = words
                pairs.append(Pair(_picture(name, i), _picture(name, j), True, fold))
            elif len(words) == 4:
                first, i, second, j = words
                pairs.append(Pair(_picture(first, i), _picture(second, j), False, fold))
            elif words:
                raise ValueError
        except ValueError:
            raise DatasetError(f"{path}:{number}: must be a pair. Received: {line!r}") from None
    if len(pairs) != folds * count * 2:
        raise DatasetError(f"{path}: must hold {folds * count * 2} pairs, holds {len(pairs)}")
    return pairs


def read_folds(path: Path, folds: str) -> list[Pair]:
    """Read the pairs of some folds, e.g. "1,2", or of all. Raises DatasetError, ConfigError."""
    pairs = read_pairs(path)
    if not folds:
        return pairs
    known = {pair.fold for pair in pairs}
    words = [word.strip() for word in folds.split(",")]
    if not all(word.isdecimal() and int(word) in known for word in words):
        raise ConfigError(f"--folds must be of 1 to {max(known)}. Received: {folds!r}")
    return [pair for pair in pairs if pair.fold in {int(word) for word in words}]


def people_of(pairs: list[Pair]) -> set[str]:
    """Return the names of all people in these pairs."""
    return {picture.split("/")[0] for pair in pairs for picture in (pair.first, pair.second)}


def _picture(name: str, number: str) -> str:
    return f"{name}/{name}_{int(number):04d}.jpg"


@dataclass(frozen=True)
class Verification:
    """Figures of a verification test; every pair counts, also those without a face."""

    accuracy: float
    accuracy_std: float
    auc: float
    eer: float
    tar_at_far_1e_3: float


def verify(
    similarity: NDArray[np.float64], same: NDArray[np.bool_], fold: NDArray[np.int_]
) -> Verification:
    """Accuracy with each fold's threshold taken from the other folds, and ROC figures.

    `similarity` may hold NaN where a picture has no face: such a pair is wrong, whatever the
    threshold is. Raises DatasetError for a single fold.
    """
    if len(np.unique(fold)) < 2:
        raise DatasetError("a test needs two folds or more: each one's threshold is the others'")
    accuracies = []
    for held_out in np.unique(fold):
        rest = fold != held_out
        threshold = _best_threshold(similarity[rest], same[rest])
        here = ~rest
        with np.errstate(invalid="ignore"):
            right = np.where(
                same[here], similarity[here] >= threshold, similarity[here] < threshold
            )
        accuracies.append(float(right.mean()))
    false_accepts, true_accepts = roc(similarity, same)
    equal = int(np.argmin(np.abs(false_accepts - (1 - true_accepts))))
    return Verification(
        accuracy=float(np.mean(accuracies)),
        accuracy_std=float(np.std(accuracies)),
        auc=float(np.trapezoid(true_accepts, false_accepts)),
        eer=float((false_accepts[equal] + 1 - true_accepts[equal]) / 2),
        tar_at_far_1e_3=float(true_accepts[false_accepts <= 1e-3].max()),
    )


def roc(
    similarity: NDArray[np.float64], same: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return false and true accept rates over falling thresholds.

    A pair without two faces (NaN) is accepted at no threshold but the last, as a system that
    sees no face accepts nobody.
    """
    lowest = np.nanmin(similarity, initial=0.0) - 1.0
    filled = np.where(np.isnan(similarity), lowest, similarity)
    order = np.argsort(-filled, kind="stable")
    hits = np.cumsum(same[order]) / max(1, same.sum())
    false = np.cumsum(~same[order]) / max(1, (~same).sum())
    last_of_ties = np.append(np.diff(filled[order]) != 0, True)
    return np.append(0.0, false[last_of_ties]), np.append(0.0, hits[last_of_ties])


def _best_threshold(similarity: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    known = ~np.isnan(similarity)
    candidates = np.sort(similarity[known])
    genuine = np.sort(similarity[known & same])
    impostor = np.sort(similarity[known & ~same])
    right = (len(genuine) - np.searchsorted(genuine, candidates)) + np.searchsorted(
        impostor, candidates
    )
    return float(candidates[int(np.argmax(right))])
