"""Cross-validation of a gallery's classifier: who is named rightly, and which strangers are named.

In each fold the crops of other moments than the tested ones train the classifier, with its
probability and threshold. For the open set, some people are left out of it altogether and tried
as strangers; over all folds everybody has been one. Nothing that is tested was seen in fitting.
"""

import hashlib
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from streamer.files import private_folder, write_file
from trainer.datasets.dataset import Dataset
from trainer.evaluation.tracks import TrackOutcomes, joined_tracks, try_tracks
from workers.classifier.fitting import ClassifierSpec, fit_classifier
from workers.classifier.impostors import Impostors

NOBODY = -1
_FIELDS = ("row", "fold", "truth", "candidate", "probability", "named")
_TRACK_FIELDS = ("crops", "truth", "named")
Ints = NDArray[np.int64]
Reals = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """Crops that were tested.

    `row` into the dataset, the `fold` that tested it, its `truth` (-1: as a stranger), the best
    `candidate`, its `probability`, and who was `named` (-1: nobody).
    """

    row: Ints
    fold: Ints
    truth: Ints
    candidate: Ints
    probability: Reals
    named: Ints

    @property
    def closed_set_accuracy(self) -> float:
        """Share of crops whose best candidate is right, whatever the threshold says."""
        return float((self.candidate == self.truth).mean())

    @property
    def true_accept_rate(self) -> float:
        """Share of crops that are named, and rightly."""
        return float((self.named == self.truth).mean())

    @property
    def accept_rate(self) -> float:
        """Share of crops that are named at all: for strangers, false accepts."""
        return float((self.named != NOBODY).mean())

    @property
    def wrong_name_rate(self) -> float:
        """Share of crops that are named as somebody else."""
        return float(((self.named != NOBODY) & (self.named != self.truth)).mean())


@dataclass(frozen=True)
class Tested:
    """What one classifier was tested on: crops, and tracks of several of them."""

    crops: Outcomes
    tracks: TrackOutcomes


@dataclass(frozen=True)
class Evaluation:
    """`own`: crops of enrolled people; `strangers`: crops of people who were left out.

    tracks: of several crops, of both.
    """

    spec: ClassifierSpec
    folds: int
    own: Outcomes
    strangers: Outcomes
    tracks: TrackOutcomes

    def fold_accuracies(self) -> Reals:
        """Closed-set accuracy of each fold: (folds,)."""
        right = self.own.candidate == self.own.truth
        return np.array(
            [right[self.own.fold == f].mean() for f in range(self.folds) if f in self.own.fold]
        )


class FoldStore:
    """Folds that were tested, in a folder, for a run that is stopped and goes on."""

    def __init__(
        self, folder: Path, vectors: NDArray[np.float32], fold: NDArray[np.int32], impostors: str
    ) -> None:
        private_folder(folder)
        self._folder = folder
        self._what = hashlib.sha256(vectors.tobytes() + fold.tobytes() + impostors.encode())

    def read(self, spec: ClassifierSpec, fold: int) -> tuple[Tested, Tested] | None:
        """Read what was tested in a fold, own crops and strangers; None if it is not there."""
        try:
            with np.load(self._path(spec, fold), allow_pickle=False) as stored:
                own, strangers = (
                    Tested(
                        Outcomes(**{name: stored[f"{part}_{name}"] for name in _FIELDS}),
                        TrackOutcomes(
                            **{name: stored[f"{part}_track_{name}"] for name in _TRACK_FIELDS}
                        ),
                    )
                    for part in ("own", "strangers")
                )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None  # it is done again
        return own, strangers

    def write(self, spec: ClassifierSpec, fold: int, parts: tuple[Tested, Tested]) -> None:
        """Keep a fold."""
        buffer = io.BytesIO()
        arrays: dict[str, NDArray[np.generic]] = {}
        for part, tested in zip(("own", "strangers"), parts, strict=True):
            arrays |= {f"{part}_{name}": getattr(tested.crops, name) for name in _FIELDS}
            for name in _TRACK_FIELDS:
                arrays[f"{part}_track_{name}"] = getattr(tested.tracks, name)
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        write_file(self._path(spec, fold), buffer.getvalue())

    def _path(self, spec: ClassifierSpec, fold: int) -> Path:
        digest = self._what.copy()
        digest.update(f"{spec} {fold}".encode())
        return self._folder / f"fold-{digest.hexdigest()[:24]}.npz"


def interval(hits: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval (1927) of a share; (0, 1) where nothing was counted."""
    if not total:
        return 0.0, 1.0
    found = binomtest(hits, total).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)


def cross_validate(
    vectors: NDArray[np.float32],
    dataset: Dataset,
    fold: NDArray[np.int32],
    *,
    folds: int,
    impostors: Impostors,
    spec: ClassifierSpec,
    on_fold: Callable[[], None] = lambda: None,
    kept: FoldStore | None = None,
) -> Evaluation:
    """Test every crop that has a fold; `on_fold()` is called after each, and may raise to stop.

    Folds that are in `kept` are not done again. Strangers are tested where there are three
    people or more.
    """
    parts = []
    for f in range(folds):
        done = kept.read(spec, f) if kept else None
        if done is None:
            done = try_fold(
                vectors, dataset, fold=fold, number=f, folds=folds, impostors=impostors, spec=spec
            )
            if kept:
                kept.write(spec, f, done)
        parts.append(done)
        on_fold()
    return evaluation_of(spec, parts)


def evaluation_of(spec: ClassifierSpec, parts: Sequence[tuple[Tested, Tested]]) -> Evaluation:
    """All folds together."""
    own, strangers = ([part[place].crops for part in parts] for place in (0, 1))
    tracks = joined_tracks([tested.tracks for part in parts for tested in part])
    return Evaluation(spec, len(parts), _joined(own), _joined(strangers), tracks)


def try_fold(
    vectors: NDArray[np.float32],
    dataset: Dataset,
    *,
    fold: NDArray[np.int32],
    number: int,
    folds: int,
    impostors: Impostors,
    spec: ClassifierSpec,
) -> tuple[Tested, Tested]:
    """One fold: its crops tested as enrolled, and the people whose turn it is as strangers."""
    people = np.unique(dataset.labels)
    test, train = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
    gone = people[np.arange(len(people)) % folds == number] if len(people) >= 3 else people[:0]
    out = np.isin(dataset.labels, gone)
    left = train[~out[train]]
    return (
        _test(
            vectors,
            dataset,
            train=train,
            test=test,
            fold=number,
            impostors=impostors,
            spec=spec,
            strangers=False,
        ),
        _test(
            vectors,
            dataset,
            train=left,
            test=np.flatnonzero(out),
            fold=number,
            impostors=impostors,
            spec=spec,
            strangers=True,
        ),
    )


def _test(
    vectors: NDArray[np.float32],
    dataset: Dataset,
    *,
    train: Ints,
    test: Ints,
    fold: int,
    impostors: Impostors,
    spec: ClassifierSpec,
    strangers: bool,
) -> Tested:
    if not len(test) or not len(train):
        return Tested(_joined([]), joined_tracks([]))
    present, numbers = np.unique(dataset.labels[train], return_inverse=True)
    classifier = fit_classifier(
        vectors[train], numbers.astype(np.int32), impostors, spec, dataset.group[train]
    )
    predictions = classifier.predict(vectors[test])

    def number(person: int | None) -> int:
        return NOBODY if person is None else int(present[person])

    truth = np.full(len(test), NOBODY) if strangers else dataset.labels[test].astype(np.int64)
    tracks = try_tracks(
        classifier,
        vectors[test],
        dataset.labels[test],
        spread=impostors.spread,
        number=number,
        strangers=strangers,
        seed=fold,
    )
    crops = Outcomes(
        row=test,
        fold=np.full(len(test), fold),
        truth=truth,
        candidate=np.array([number(v.candidate) for v in predictions], np.int64),
        probability=np.array([v.probability for v in predictions], np.float64),
        named=np.array([number(v.person) for v in predictions], np.int64),
    )
    return Tested(crops, tracks)


def _joined(parts: Sequence[Outcomes]) -> Outcomes:
    if not parts:
        none, nothing = np.empty(0, np.int64), np.empty(0)
        return Outcomes(
            row=none, fold=none, truth=none, candidate=none, probability=nothing, named=none
        )
    return Outcomes(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS}
    )


def most_confused(own: Outcomes, limit: int = 8) -> list[tuple[int, int, int]]:
    """(truth, candidate, how often), most often first, of best candidates that are wrong."""
    wrong = own.candidate != own.truth
    pairs, counts = np.unique(
        np.stack([own.truth[wrong], own.candidate[wrong]], axis=1), axis=0, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")[:limit]
    return [(int(pairs[i, 0]), int(pairs[i, 1]), int(counts[i])) for i in order]


def reliability(own: Outcomes, strangers: Outcomes, bins: int = 10) -> tuple[Reals, Reals, Ints]:
    """Mean stated probability, share that was right, and count, for each tenth of probability."""
    chance = np.concatenate([own.probability, strangers.probability])
    right = np.concatenate([own.candidate == own.truth, np.zeros(len(strangers.row), bool)])
    place = np.clip((chance * bins).astype(int), 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    some = np.maximum(counts, 1)
    stated = np.bincount(place, chance, bins) / some
    actual = np.bincount(place, right.astype(float), bins) / some
    kept = counts > 0
    return stated[kept], actual[kept], counts[kept].astype(np.int64)


def open_set_curve(own: Outcomes, strangers: Outcomes) -> tuple[Reals, Reals]:
    """Return false accepts of strangers, true accepts of the enrolled, over falling thresholds."""
    thresholds = np.unique(np.concatenate([own.probability, strangers.probability, [2.0]]))[::-1]
    right = np.sort(own.probability[own.candidate == own.truth])
    foreign = np.sort(strangers.probability)
    true = (len(right) - np.searchsorted(right, thresholds)) / max(1, len(own.row))
    false = (len(foreign) - np.searchsorted(foreign, thresholds)) / max(1, len(foreign))
    return false, true
