"""How well people of each group are told apart, by labels of photos: sex, age, origin.

The limit is the same for all: what one in 1,000 pairs of different people reach, or a given one.
Then, for each group, how many of the pairs of different people of that group reach it, and how
many of the pairs of one person. Two strangers of one group are more alike than two of any, so
the first is larger than one in 1,000 for most groups; what counts is how it differs.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.errors import DatasetError

AGE_BANDS = ((0, 5), (6, 12), (13, 19), (20, 39), (40, 59), (60, 200))
_STEPS = 20_000
"""Similarities from -1 to 1 are counted in so many steps."""
_ACCEPTED = 1e-3
_ROWS = 512
Labels = dict[str, dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class GroupFigures:
    """column, value: the group; photos and people in it.

    different, accepted: its pairs of different people, and how many reach the limit; same,
    same_accepted: its pairs of photos of one person.
    """

    column: str
    value: str
    photos: int
    people: int
    different: int
    accepted: int
    same: int
    same_accepted: int


def read_labels(path: Path) -> Labels:
    """Read a CSV file of `file` and one column or more of labels: labels by file name.

    Files are relative to the folder of photos. A column `age` of whole years becomes bands. A
    label that is empty is not known. Raises DatasetError with the line that is wrong.
    """
    labels: Labels = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or [])
            if columns[:1] != ["file"] or len(columns) < 2 or not all(columns):
                raise DatasetError(f"{path}:1: must be: file,LABEL,... Received: {columns}")
            for number, row in enumerate(reader, start=2):
                values = [row[column] for column in columns]
                if None in values or None in row:
                    raise DatasetError(f"{path}:{number}: must have {len(columns)} columns")
                known = {key: row[key].strip() for key in columns[1:] if row[key].strip()}
                if "age" in known:
                    known["age"] = _age_band(known["age"], f"{path}:{number}")
                labels[row["file"]] = known
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: the labels cannot be read: {error}") from error
    if not labels:
        raise DatasetError(f"{path}: has no label")
    return labels


def _age_band(text: str, where: str) -> str:
    for low, high in AGE_BANDS:
        if text.isdecimal() and low <= int(text) <= high:
            return f"{low} and over" if high == AGE_BANDS[-1][1] else f"{low} to {high}"
    raise DatasetError(f"{where}: age must be whole years from 0 to 200. Received: {text!r}")


def measure_groups(
    embeddings: NDArray[np.float32],
    people: Sequence[str],
    labels: Sequence[dict[str, str]],
    limit: float | None = None,
) -> tuple[float, list[GroupFigures]]:
    """Return the limit, a cosine similarity, and figures: of all, then of each group.

    embeddings (n, 128): unit vectors; people (n,): who each shows; labels (n,): its groups. The
    limit is what one in 1,000 pairs of different people reach, if none is given.
    Raises DatasetError where there are too few pairs to find it.
    """
    person = np.unique(np.asarray(people, np.str_), return_inverse=True)[1]
    same, different = _counts(embeddings, person)
    step = _step_reached(different) if limit is None else round((limit + 1) * (_STEPS / 2))
    found = [_figures("all", "", person, same, different, step)]
    columns = dict.fromkeys(column for known in labels for column in known)
    for column in columns:
        values = np.array([known.get(column, "") for known in labels], np.str_)
        for value in sorted(set(values.tolist()) - {""}, key=_in_order):
            rows = np.flatnonzero(values == value)
            counts = _counts(embeddings[rows], person[rows])
            found.append(_figures(column, value, person[rows], *counts, step))
    return 2 * step / _STEPS - 1, found


def _step_reached(different: NDArray[np.int64]) -> int:
    """Return the least step that at most one in 1,000 of these pairs reach."""
    pairs = int(different.sum())
    if pairs * _ACCEPTED < 1:
        raise DatasetError(
            f"a limit that one in 1000 pairs of different people reach needs 1000 pairs. "
            f"Received: {pairs}"
        )
    reached = np.cumsum(different[::-1])[::-1]
    return int(np.argmax(reached <= pairs * _ACCEPTED))


def _in_order(value: str) -> tuple[int, str]:
    first = value.split()[0]
    return (int(first) if first.isdecimal() else 0, value)


def _figures(
    column: str,
    value: str,
    person: NDArray[np.int64],
    same: NDArray[np.int64],
    different: NDArray[np.int64],
    step: int,
) -> GroupFigures:
    return GroupFigures(
        column=column,
        value=value,
        photos=len(person),
        people=len(np.unique(person)),
        different=int(different.sum()),
        accepted=int(different[step:].sum()),
        same=int(same.sum()),
        same_accepted=int(same[step:].sum()),
    )


def _counts(
    embeddings: NDArray[np.float32], person: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the pairs of one person, and of different people, by step of their similarity."""
    same, different = np.zeros(_STEPS + 1, np.int64), np.zeros(_STEPS + 1, np.int64)
    for start in range(0, len(embeddings), _ROWS):
        rows = slice(start, start + _ROWS)
        alike = embeddings[rows] @ embeddings[start:].T
        steps = np.clip((alike + 1) * (_STEPS / 2), 0, _STEPS).astype(np.int32)
        once = np.triu(np.ones(steps.shape, bool), 1)
        one = person[rows, None] == person[None, start:]
        same += np.bincount(steps[once & one], minlength=_STEPS + 1)
        different += np.bincount(steps[once & ~one], minlength=_STEPS + 1)
    return same, different
