"""Fitting a gallery's classifier, its probability and its threshold.

Scores to calibrate with come from held-out crops only: each person's clips and photos are left
out in turn, shipped impostors are nobody, and enrolled people are left out in turn to be
strangers to the others. So threshold and probability are not fitted to what was learned.
scikit-learn takes a second to load, so what only reads a gallery does not load it.
Impostors of the kinds of face that are enrolled count for more: strangers will be like them.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import IdentifyConfig
from workers.classifier.by_person import EmbeddingsByPerson
from workers.classifier.classifier import (
    Calibration,
    Classifier,
    HoldoutMetrics,
    nobodys_classifier,
)
from workers.classifier.held_out import HeldOut
from workers.classifier.impostors import Impostors
from workers.classifier.scorers import NOBODY, KernelScorer, LinearScorer, NearestScorer, Scorer
from workers.classifier.track_limits import fit_track_limits

_ENOUGH_CROPS = 8
_FOLDS = 4
_ENOUGH_FALSE_ACCEPTS = 5
_KERNEL_IMPOSTORS = 1000
_PRIOR_PEOPLE = 5
"""What the enrolled say of strangers counts as much as the impostors with so many people."""

_TRAINED_SHARE = 0.2
"""Impostors are a little farther away than real strangers, and come from faces that the network was
trained on, which it keeps apart better than others: even with real faces of an earlier training for
impostors, 1.7 % of 2,100 photos of people in no training were named where 1 % was wanted (LFW,
galleries of one person). With a share of 0.3 the weights that ship name 1.1 % of them where 20
people are enrolled with five photos each, with 0.2 0.9 %; of their own, 99 % with either."""
Floats = NDArray[np.float32]
Integers = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class ClassifierSpec:
    """Which classifier, and its parameters. gamma is of the RBF kernel, on unit vectors."""

    kind: Literal["svc", "rbf", "knn", "lda_svc"] = "svc"
    C: float = 1.0
    gamma: float = 2.0
    neighbours: int = 3
    false_accept_rate: float = 0.01


@dataclass(frozen=True)
class Scores:
    """Best candidates of held-out crops: `truth` (n,) is their labels, -1 for a stranger.

    `row` (n,): which row of all that were scored.
    """

    row: NDArray[np.int64]
    candidate: NDArray[np.int64]
    margin: Floats
    squared_distance: Floats
    truth: Integers

    def of(self, keep: NDArray[np.bool_]) -> "Scores":
        """Return some of the rows."""
        return Scores(
            self.row[keep],
            self.candidate[keep],
            self.margin[keep],
            self.squared_distance[keep],
            self.truth[keep],
        )

    def joined(self, other: "Scores") -> "Scores":
        """Return these rows followed by the other's."""
        return Scores(
            np.concatenate([self.row, other.row]),
            np.concatenate([self.candidate, other.candidate]),
            np.concatenate([self.margin, other.margin]),
            np.concatenate([self.squared_distance, other.squared_distance]),
            np.concatenate([self.truth, other.truth]),
        )


def fit_classifier(
    gallery: Floats,
    labels: Integers,
    impostors: Impostors,
    spec: ClassifierSpec | None = None,
    groups: Integers | None = None,
) -> Classifier:
    """Fit to (n, 128) embeddings of people 0 to p-1; one person with one crop is enough.

    `groups` (n,): crops of one moment have the same number and are left out together.
    People with few crops are given likely variants of those they have, so that the classifier
    does not take their one picture for all they ever look like.
    """
    spec = spec or ClassifierSpec()
    if not len(gallery):
        return nobodys_classifier()
    groups = np.arange(len(labels), dtype=np.int32) if groups is None else groups
    x, y, group = _with_variants(gallery, labels, groups, impostors)
    scorer = fit_scorer(x, y, impostors.embeddings, impostors, spec)
    held_out = _held_out_scores(x, y, group, impostors, spec)
    calibration = _calibrate(held_out)
    weights = impostors.weights(gallery, labels)
    wanted = spec.false_accept_rate * _TRAINED_SHARE
    threshold = _threshold(held_out, calibration, wanted, len(x), weights)
    left_out = _left_out_people(x, y, impostors, spec)
    if left_out is not None:
        drawn = _of_strangers(held_out, len(x), weights)
        real = left_out.of(left_out.row < len(gallery))
        nearer = _how_much_nearer(real, held_out, calibration, drawn)
        people = len(np.unique(y))
        threshold = _raised(threshold, nearer * people / (people + _PRIOR_PEOPLE))
    if left_out is not None and len(left_out.truth) * spec.false_accept_rate >= (
        _ENOUGH_FALSE_ACCEPTS
    ):
        threshold = max(threshold, _threshold(left_out, calibration, spec.false_accept_rate))
    single = Classifier(
        scorer=scorer,
        calibration=calibration,
        gallery=gallery,
        labels=labels,
        threshold=threshold,
        holdout=_expected(
            held_out,
            left_out,
            calibration,
            threshold=threshold,
            real=len(gallery),
            weights=_of_strangers(held_out, len(x), weights),
        ),
        held_out=_said(held_out, calibration, threshold, len(gallery)),
    )
    limits = fit_track_limits(
        single.scores,
        single.limit,
        gallery=gallery,
        labels=labels,
        impostors=impostors,
        false_accept_rate=spec.false_accept_rate,
    )
    return replace(single, limits=limits)


def fit_scorer(
    x: Floats, y: Integers, strangers: Floats, impostors: Impostors, spec: ClassifierSpec
) -> Scorer:
    """Fit a scorer of people 0 to p-1 from their (n, 128) embeddings, against strangers'."""
    if spec.kind == "knn":
        return NearestScorer(x, y, spec.neighbours)
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.svm import LinearSVC

    people = int(y.max()) + 1
    # Embeddings crowd around a common mean; SVMs see them centred and of unit spread.
    mean = impostors.embeddings.mean(axis=0)
    spread = float(np.linalg.norm(impostors.embeddings - mean, axis=1).mean())
    if spec.kind == "rbf":
        return _fit_kernel(x, y, strangers[:_KERNEL_IMPOSTORS], people, spec)
    inputs = (np.concatenate([x, strangers]) - mean) / spread
    targets = np.concatenate([y, np.full(len(strangers), NOBODY, np.int32)])
    projection = np.eye(x.shape[1])
    if spec.kind == "lda_svc" and people > 1:
        discriminant = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto")
        discriminant.fit(inputs[: len(x)], y)
        projection = discriminant.scalings_[:, : people - 1]
        projection = projection / np.linalg.norm(inputs @ projection, axis=1).mean()
    machine = LinearSVC(C=spec.C, class_weight="balanced", random_state=0)
    machine.fit(inputs @ projection, targets)
    # With one person there are two classes, and one row, which is the person's.
    weights = (machine.coef_ if people == 1 else machine.coef_[1:]) @ projection.T / spread
    bias = (machine.intercept_ if people == 1 else machine.intercept_[1:]) - weights @ mean
    return LinearScorer(np.asarray(weights, np.float32), np.asarray(bias, np.float32))


def _fit_kernel(
    x: Floats, y: Integers, strangers: Floats, people: int, spec: ClassifierSpec
) -> Scorer:
    from sklearn.svm import SVC

    support = np.concatenate([x, strangers])
    targets = np.concatenate([y, np.full(len(strangers), NOBODY, np.int32)])
    coefficients = np.zeros((people, len(support)), np.float32)
    bias = np.zeros(people, np.float32)
    for person in range(people):
        machine = SVC(C=spec.C, gamma=spec.gamma, class_weight="balanced")
        machine.fit(support, targets == person)
        coefficients[person, machine.support_] = machine.dual_coef_[0]
        bias[person] = machine.intercept_[0]
    used = np.any(coefficients != 0, axis=0)
    return KernelScorer(support[used], coefficients[:, used], bias, spec.gamma, targets[used])


def _with_variants(
    gallery: Floats, labels: Integers, groups: Integers, impostors: Impostors
) -> tuple[Floats, Integers, Integers]:
    rng = np.random.default_rng(0)
    samples, targets, group = [gallery], [labels], [groups]
    fresh = int(groups.max()) + 1
    for person in np.unique(labels):
        own = np.flatnonzero(labels == person)
        lacking = max(0, _ENOUGH_CROPS - len(own))
        if not lacking:
            continue
        each = -(-lacking // len(own))
        samples.append(impostors.variants(gallery[own], each, rng)[:lacking])
        targets.append(np.full(lacking, person, np.int32))
        if len(np.unique(groups[own])) > 1:
            group.append(np.repeat(groups[own], each)[:lacking])
        else:  # all there is of this person is one moment: variants stand for others
            group.append(np.arange(fresh, fresh + lacking, dtype=np.int32))
            fresh += lacking
    return np.concatenate(samples), np.concatenate(targets), np.concatenate(group)


def _held_out_scores(
    x: Floats, y: Integers, group: Integers, impostors: Impostors, spec: ClassifierSpec
) -> Scores:
    from sklearn.model_selection import StratifiedGroupKFold

    strangers = impostors.embeddings
    everybody = np.concatenate([x, strangers])
    targets = np.concatenate([y, np.full(len(strangers), NOBODY, np.int32)])
    if len(np.unique(group)) == 1:  # one clip of one person: its crops are all there is
        group = np.arange(len(group), dtype=np.int32)
    count = min(_FOLDS, len(np.unique(group)))
    folds = StratifiedGroupKFold(count, shuffle=True, random_state=0)
    # Each stranger is a group alone, so that they are simply dealt out.
    dealt = np.array_split(np.random.default_rng(0).permutation(len(strangers)), count)
    scores: Scores | None = None
    for (known, tested), out in zip(folds.split(x, y, group), dealt, strict=True):
        test = np.concatenate([tested, len(x) + out])
        found = _score(
            x[known],
            y=y[known],
            strangers=np.delete(strangers, out, axis=0),
            everybody=everybody,
            test=test,
            truth=targets[test],
            impostors=impostors,
            spec=spec,
        )
        scores = found if scores is None else scores.joined(found)
    assert scores is not None  # noqa: S101 (there are always two folds)
    return scores


def _left_out_people(
    x: Floats, y: Integers, impostors: Impostors, spec: ClassifierSpec
) -> Scores | None:
    people = np.unique(y)
    if len(people) < 2:
        return None
    order = np.random.default_rng(0).permutation(people)
    scores: Scores | None = None
    for gone in np.array_split(order, min(_FOLDS, len(people))):
        out = np.isin(y, gone)
        truth = np.full(out.sum(), NOBODY, np.int32)
        found = _score(
            x[~out],
            y=y[~out],
            strangers=impostors.embeddings,
            everybody=x,
            test=np.flatnonzero(out),
            truth=truth,
            impostors=impostors,
            spec=spec,
        )
        scores = found if scores is None else scores.joined(found)
    return scores


def _score(
    x: Floats,
    *,
    y: Integers,
    strangers: Floats,
    everybody: Floats,
    test: NDArray[np.int64],
    truth: Integers,
    impostors: Impostors,
    spec: ClassifierSpec,
) -> Scores:
    """Fit on some people, of whom not all numbers need be there, and score the `test` rows."""
    tested = everybody[test]
    present, numbers = np.unique(y, return_inverse=True)
    dense: Integers = numbers.astype(np.int32)
    margins = fit_scorer(x, dense, strangers, impostors, spec).margins(tested)
    best = margins.argmax(axis=1)
    rows = np.arange(len(tested))
    distance = EmbeddingsByPerson(x, dense).nearest_squared(tested, best)
    return Scores(test, present[best].astype(np.int64), margins[rows, best], distance, truth)


def _calibrate(scores: Scores) -> Calibration:
    """Fit Platt's sigmoid (1999) with the distance as a second input to held-out crops."""
    right = scores.candidate == scores.truth
    if right.all() or not right.any():
        return Calibration(4.0, 0.0, 0.0)
    from sklearn.linear_model import LogisticRegression

    inputs = np.column_stack([scores.margin, scores.squared_distance])
    both = LogisticRegression(C=100.0, class_weight="balanced").fit(inputs, right)
    margin, distance = (float(value) for value in both.coef_[0])
    if margin >= 0 >= distance:
        return Calibration(margin, distance, float(both.intercept_[0]))
    # With few crops the two may be given opposite signs; one of them alone cannot go wrong.
    alone = LogisticRegression(C=100.0, class_weight="balanced").fit(inputs[:, :1], right)
    return Calibration(max(0.0, float(alone.coef_[0, 0])), 0.0, float(alone.intercept_[0]))


def _threshold(
    scores: Scores,
    calibration: Calibration,
    false_accept_rate: float,
    known: int = 0,
    weights: NDArray[np.float64] | None = None,
) -> float:
    """Return the least probability that at most this share of the strangers reaches.

    `weights`: how much each impostor counts; in `scores`, they come after `known` other rows.
    """
    strangers = scores.truth == NOBODY
    chances = calibration.probability(scores.margin[strangers], scores.squared_distance[strangers])
    if weights is None:
        counts = np.full(len(chances), 1 / max(1, len(chances)))
    else:
        counts = _of_strangers(scores, known, weights)
    order = np.argsort(-chances, kind="stable")
    too_many = np.cumsum(counts[order]) > false_accept_rate * counts.sum() + 1e-12
    exceeded = chances[order[int(np.argmax(too_many))]]
    return float(np.nextafter(exceeded, np.float32(1), dtype=np.float32))


def _how_much_nearer(
    left_out: Scores, held_out: Scores, calibration: Calibration, weights: NDArray[np.float64]
) -> float:
    """Return by how much the enrolled, when left out, pass for others more than impostors do.

    In log-odds, at least 0, at what one in ten reaches: so many are there in small galleries.
    """
    strangers = held_out.truth == NOBODY
    drawn = calibration.log_odds(held_out.margin[strangers], held_out.squared_distance[strangers])
    order = np.argsort(-drawn, kind="stable")
    tenth = drawn[order[int(np.argmax(np.cumsum(weights[order]) > 0.1 * weights.sum()))]]
    real = calibration.log_odds(left_out.margin, left_out.squared_distance)
    return max(0.0, float(np.quantile(real, 0.9) - tenth))


def _raised(threshold: float, log_odds: float) -> float:
    """Return a probability, raised by so much in log-odds, that is below 1."""
    if threshold >= 1 or not log_odds:
        return threshold
    raised = np.float64(threshold)
    raised = 1 / (1 + (1 - raised) / raised * np.exp(-log_odds))
    return float(min(raised, np.nextafter(np.float32(1), np.float32(0))))


def _of_strangers(scores: Scores, known: int, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weight of each impostor in the order in which they were scored."""
    return np.asarray(weights[scores.row[scores.truth == NOBODY] - known])


def _expected(
    held_out: Scores,
    left_out: Scores | None,
    calibration: Calibration,
    *,
    threshold: float,
    real: int,
    weights: NDArray[np.float64],
) -> HoldoutMetrics:
    """Count over crops of the enrolled (the first `real` rows) and over strangers, by weight."""
    named = calibration.probability(held_out.margin, held_out.squared_distance) >= threshold
    own = (held_out.truth != NOBODY) & (held_out.row < real)
    right = held_out.candidate == held_out.truth
    shipped = held_out.truth == NOBODY
    people, people_named = 0, 0
    if left_out is not None:
        crops = left_out.row < real
        chances = calibration.probability(left_out.margin, left_out.squared_distance)
        people, people_named = int(crops.sum()), int((chances[crops] >= threshold).sum())
    return HoldoutMetrics(
        crops=int(own.sum()),
        named_rightly=int((own & named & right).sum()),
        named_wrongly=int((own & named & ~right).sum()),
        impostors=int(shipped.sum()),
        impostors_named=round(float(named[shipped] @ weights) * int(shipped.sum())),
        left_out=people,
        left_out_named=people_named,
    )


def _said(scores: Scores, calibration: Calibration, threshold: float, real: int) -> HeldOut:
    """Return what was said of each of the first `real` rows, which were all held out once."""
    person, chance = np.full(real, NOBODY, np.int32), np.zeros(real, np.float32)
    own = scores.of((scores.truth != NOBODY) & (scores.row < real))
    chances = calibration.probability(own.margin, own.squared_distance)
    person[own.row] = np.where(chances >= threshold, own.candidate, NOBODY)
    chance[own.row] = chances
    return HeldOut(person, chance)


def spec_of(config: IdentifyConfig) -> ClassifierSpec:
    """Return what the config asks for."""
    return ClassifierSpec(
        kind=config.classifier,
        C=config.C,
        gamma=config.gamma,
        neighbours=config.neighbours,
        false_accept_rate=config.false_accept_rate,
    )
