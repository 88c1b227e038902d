from pathlib import Path

import numpy as np
import pytest

from tests.trainer.people import made_people, some_of
from trainer.datasets.dataset import folds_of
from trainer.evaluation.cross_validation import (
    NOBODY,
    Evaluation,
    FoldStore,
    Outcomes,
    cross_validate,
    interval,
    most_confused,
    open_set_curve,
    reliability,
)
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.impostors import Impostors


def outcomes(truth: list[int], candidate: list[int], chance: list[float], bar: float) -> Outcomes:
    count = len(truth)
    named = [c if p >= bar else NOBODY for c, p in zip(candidate, chance, strict=True)]
    return Outcomes(
        row=np.arange(count),
        fold=np.zeros(count, np.int64),
        truth=np.array(truth, np.int64),
        candidate=np.array(candidate, np.int64),
        probability=np.array(chance, np.float64),
        named=np.array(named, np.int64),
    )


@pytest.fixture(scope="module")
def fewer(impostors: Impostors) -> Impostors:
    return some_of(impostors, 800)


def run(impostors: Impostors, fewer: Impostors, kept: FoldStore | None = None) -> Evaluation:
    vectors, dataset = made_people(impostors, 6, 4, 2)
    fold, count = folds_of(dataset.labels, dataset.group, 3)
    return cross_validate(
        vectors, dataset, fold, folds=count, impostors=fewer, spec=ClassifierSpec(), kept=kept
    )


def test_every_crop_is_tested_once_as_itself_and_once_as_a_stranger(
    impostors: Impostors, fewer: Impostors
) -> None:
    found = run(impostors, fewer)
    assert sorted(found.own.row.tolist()) == list(range(48))
    assert sorted(found.strangers.row.tolist()) == list(range(48))
    assert set(found.strangers.truth.tolist()) == {NOBODY}
    assert found.own.closed_set_accuracy > 0.95
    assert found.own.true_accept_rate > 0.6
    assert found.strangers.accept_rate < 0.1
    assert len(found.fold_accuracies()) == 3


def test_tracks_of_several_crops_are_tested_too(impostors: Impostors, fewer: Impostors) -> None:
    found = run(impostors, fewer)
    assert set(found.tracks.crops.tolist()) == {2, 4, 8}
    for crops in (2, 4):
        strangers = found.tracks.of(crops, strangers=True)
        assert len(strangers.truth) == 6 * 5
        assert strangers.named_wrongly / len(strangers.truth) <= 0.1
    own = found.tracks.of(2, strangers=False)
    assert set(own.truth.tolist()) == set(range(6))
    assert own.named_rightly / len(own.truth) >= found.own.true_accept_rate
    assert own.named_wrongly == 0


def test_names_dealt_out_at_random_are_no_better_than_chance(
    impostors: Impostors, fewer: Impostors
) -> None:
    # A test that leaks would still name these rightly.
    vectors, dataset = made_people(impostors, 6, 4, 2)
    vectors = np.random.default_rng(0).permutation(vectors)
    fold, count = folds_of(dataset.labels, dataset.group, 3)
    found = cross_validate(
        vectors, dataset, fold, folds=count, impostors=fewer, spec=ClassifierSpec()
    )
    assert found.own.closed_set_accuracy < 0.5


def test_folds_that_are_kept_are_not_done_again(
    impostors: Impostors, fewer: Impostors, folder: Path
) -> None:
    vectors, dataset = made_people(impostors, 6, 4, 2)
    fold, _ = folds_of(dataset.labels, dataset.group, 3)
    store = FoldStore(folder, vectors, fold, fewer.fingerprint)
    first = run(impostors, fewer, kept=store)
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(times) == 3
    damaged = next(iter(times))
    damaged.write_bytes(b"half")
    second = run(impostors, fewer, kept=store)
    assert np.array_equal(first.own.probability, second.own.probability)
    again = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert {path for path in times if again[path] != times[path]} == {damaged}


def test_intervals_are_wilsons() -> None:
    assert interval(0, 0) == (0.0, 1.0)
    # Wilson (1927); figures from Agresti and Coull (1998): 0 of 10 gives 0 to 0.278.
    low, high = interval(0, 10)
    assert low == 0.0
    assert high == pytest.approx(0.278, abs=1e-3)


def test_figures_of_a_small_case() -> None:
    own = outcomes([0, 0, 1, 1], [0, 1, 1, 0], [0.9, 0.4, 0.8, 0.7], bar=0.5)
    strangers = outcomes([NOBODY] * 4, [0, 1, 0, 1], [0.6, 0.2, 0.1, 0.75], bar=0.5)
    assert own.closed_set_accuracy == 0.5
    assert own.true_accept_rate == 0.5
    assert own.wrong_name_rate == 0.25
    assert strangers.accept_rate == 0.5
    assert most_confused(own) == [(0, 1, 1), (1, 0, 1)]
    false, true = open_set_curve(own, strangers)
    assert (false[0], true[0]) == (0.0, 0.0)
    assert (false[-1], true[-1]) == (1.0, 0.5)
    assert true[false == 0.0].max() == 0.5
    stated, actual, counts = reliability(own, strangers)
    assert counts.sum() == 8
    assert actual[stated > 0.85].tolist() == [1.0]
