from dataclasses import replace

import numpy as np
import pytest

from workers.classifier.classifier import Calibration, Classifier, HoldoutMetrics
from workers.classifier.impostors import Impostors
from workers.classifier.scorers import NearestScorer
from workers.classifier.track_limits import CROPS, TrackLimits, fit_track_limits

SIDE = 128


def unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def made() -> Impostors:
    """People who lie in all directions, and crops of each around them, so wide again."""
    rng = np.random.default_rng(0)
    between, within = (np.eye(SIDE, dtype=np.float32) * np.sqrt(0.5 / SIDE) for _ in range(2))
    people = rng.standard_normal((3000, SIDE)) @ between
    crops = people + rng.standard_normal((3000, SIDE)) @ within
    return Impostors(unit(crops), within, "made")


def enrolled(made: Impostors, people: int = 6, crops: int = 5) -> Classifier:
    rng = np.random.default_rng(1)
    centres = np.repeat(rng.standard_normal((people, SIDE)) * np.sqrt(0.5 / SIDE), crops, axis=0)
    gallery = unit(centres + rng.standard_normal(centres.shape) @ made.variation)
    labels = np.repeat(np.arange(people, dtype=np.int32), crops)
    classifier = Classifier(
        scorer=NearestScorer(gallery, labels, crops),
        calibration=Calibration(10.0, 0.0, 12.0),
        gallery=gallery,
        labels=labels,
        threshold=0.5,
        holdout=HoldoutMetrics(),
    )
    # The limit of single crops, as fitting sets it: 1 % of impostors are above.
    exceeded = float(np.quantile(classifier.scores(made.embeddings)[1], 0.99))
    return replace(classifier, threshold=float(1 / (1 + np.exp(-exceeded))))


def limits_of(classifier: Classifier, made: Impostors) -> TrackLimits:
    return fit_track_limits(
        classifier.scores,
        classifier.limit,
        gallery=classifier.gallery,
        labels=classifier.labels,
        impostors=made,
        false_accept_rate=0.01,
    )


def test_a_single_crop_has_the_limit_that_it_had(made: Impostors) -> None:
    limits = limits_of(enrolled(made), made)
    assert limits.raised[0] == 0.0
    assert limits.above_single(np.array([1.0]))[0] == 0.0


def test_more_crops_have_higher_limits_and_in_between_there_are_some(made: Impostors) -> None:
    limits = limits_of(enrolled(made), made)
    assert list(limits.raised) == sorted(limits.raised)
    assert limits.raised[1] > 0
    between = limits.above_single(np.array([1.0, 1.2, 1.6, 2.0, 3.0, 4.0, 16.0, 99.0]))
    assert (np.diff(between[:-1]) > 0).all()
    assert between[-1] == between[-2] == limits.raised[-1]


@pytest.mark.parametrize("crops", CROPS[1:])
def test_tracks_of_strangers_pass_more_seldom_and_those_of_the_enrolled_more_often(
    made: Impostors, crops: int
) -> None:
    classifier = enrolled(made)
    judged = replace(classifier, limits=limits_of(classifier, made))
    rng = np.random.default_rng(2)

    def named(centres: np.ndarray, count: int) -> list[int | None]:
        noise = rng.standard_normal((count, *centres.shape)) @ made.variation
        means = unit(unit_each(centres + noise).mean(axis=0))
        found = judged.predict(means, np.full(len(means), float(count)))
        return [prediction.person for prediction in found]

    strangers = rng.standard_normal((2000, SIDE)) * np.sqrt(0.5 / SIDE)
    passed = np.mean([person is not None for person in named(strangers, crops)])
    assert passed <= 0.01
    first = np.random.default_rng(1).standard_normal((6, SIDE)) * np.sqrt(0.5 / SIDE)
    truth = np.repeat(np.arange(6), 100)
    own = np.repeat(first, 100, axis=0)
    right = np.mean(np.array(named(own, crops), object) == truth)
    single = np.mean(np.array(named(own, 1), object) == truth)
    assert right >= single
    assert right > 0.97


def unit_each(crops: np.ndarray) -> np.ndarray:
    return np.asarray(crops / np.linalg.norm(crops, axis=2, keepdims=True))


def test_people_with_different_numbers_of_crops_have_limits_too(made: Impostors) -> None:
    classifier = enrolled(made)
    kept = np.r_[0:5, 5, 10:13, 15:30]
    fewer = replace(classifier, gallery=classifier.gallery[kept], labels=classifier.labels[kept])
    assert np.isfinite(limits_of(fewer, made).raised).all()


def test_without_limits_means_are_judged_as_single_crops_are(made: Impostors) -> None:
    classifier = enrolled(made)
    rows, crops = classifier.gallery, np.full(len(classifier.labels), 8.0)
    assert classifier.predict(rows, crops) == classifier.predict(rows)
