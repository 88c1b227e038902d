"""Limits for what a track is judged by: the mean of several crops of one face.

The mean of n crops lies nearer to its person than a crop does, and a stranger's nearer to the
stranger. Scores of both kinds move away from each other, and so does the limit: first up by what
strangers' scores gain, so that no more of them pass, and then a part of the way to where nearly
all of the enrolled are. So the more independent looks a track has had, the fewer strangers are
taken for somebody, at no cost in the enrolled.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.classifier.impostors import Impostors

CROPS = (1, 2, 4, 8, 16)
"""Numbers of independent crops that limits are made for; more are as many as the last."""

_ENROLLED_BELOW = 0.01
_PART_OF_THE_WAY = 1 / 3
"""Drawn crops of the enrolled are more alike than real ones: 1 % of means of two were below 9 in
log-odds, and 1 % of real ones below 6 (LFW, 20 people, five photos each)."""
_PRIOR_PEOPLE = 10
"""The part of the way is as much less as these are more than the enrolled. The fewer there are, the
fewer a stranger may be like; and the less is known of how far videos of them are from their photos.
Clips of two to six people enrolled from one to three photos each lost 10 % of their time by the
whole third of the way."""
_AT_MOST = 1 / 2
"""So no limit is beyond half of the way to the enrolled, however near strangers come."""
_DRAWN_KNOWN = 2000
_NOT_AT_ALL = np.float32(-1000)  # log-odds of another's name
Floats = NDArray[np.float32]
Integers = NDArray[np.int32]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class TrackLimits:
    """raised (5,): what is added to a single crop's limit, in log-odds, for each of `CROPS`.

    Each is at least the one before it; the first is 0.
    """

    raised: tuple[float, ...]

    def above_single(self, crops: Doubles) -> Doubles:
        """Return what is added to the limit for each of (n,) numbers of independent crops.

        In between, it goes with the variance of a mean, which falls with 1 / n.
        """
        return np.interp(-1.0 / crops, -1.0 / np.array(CROPS), self.raised)


def fit_track_limits(
    scores: Callable[[Floats], tuple[NDArray[np.int64], Floats]],
    limit: float,
    *,
    gallery: Floats,
    labels: Integers,
    impostors: Impostors,
    false_accept_rate: float,
) -> TrackLimits:
    """Try a classifier on drawn tracks of strangers and of the enrolled.

    `scores` gives the best candidate of each of (n, 128) embeddings, and its log-odds; `limit` is
    a single crop's. gallery (n, 128), labels (n,): the enrolled.
    """
    rng = np.random.default_rng(0)
    spread = _Spread.of(impostors)
    # Of the kinds of face that are enrolled there are more, as for single crops.
    weights = impostors.weights(gallery, labels)
    likely = impostors.embeddings[rng.choice(len(weights), len(weights), p=weights)]
    people = len(np.unique(labels))
    part = _PART_OF_THE_WAY * people / (people + _PRIOR_PEOPLE)
    raised: list[float] = []
    single = 0.0
    for crops in CROPS:
        strangers = scores(spread.crops_of(likely, 1, crops, rng))[1]
        exceeded = float(np.quantile(strangers, 1 - false_accept_rate))
        if crops == 1:
            single = exceeded
            raised.append(0.0)
            continue
        gained = max(0.0, exceeded - single)
        means, whose = _known_means(spread, gallery, labels, crops, rng)
        candidate, known = scores(means)
        known = np.where(candidate == whose, known, _NOT_AT_ALL)
        reached = float(np.quantile(known, _ENROLLED_BELOW, method="lower"))
        to_go = max(0.0, reached - limit)
        wanted = gained + part * max(0.0, to_go - gained)
        raised.append(max(raised[-1], min(wanted, _AT_MOST * to_go)))
    return TrackLimits(raised=tuple(raised))


@dataclass(frozen=True, kw_only=True)
class _Spread:
    """How faces lie: people around a mean, and a person's crops around the person.

    Both are taken for normal. mean (128,); between, within: (128, 128) covariances.
    """

    mean: Doubles
    between: Doubles
    within: Doubles

    @classmethod
    def of(cls, impostors: Impostors) -> "_Spread":
        embeddings = impostors.embeddings.astype(np.float64)
        variation = impostors.variation.astype(np.float64)
        within = variation @ variation.T
        between = _positive(np.cov(embeddings.T) - within)
        return cls(mean=embeddings.mean(axis=0), between=between, within=within)

    def crops_of(
        self, seen: Floats, seen_crops: int, crops: int, rng: np.random.Generator
    ) -> Floats:
        """Draw means of `crops` other crops of people whose means of `seen_crops` are known.

        seen (n, 128); returns (n, 128) unit vectors. A person lies at the conditional mean, but
        for what so few crops leave open.
        """
        noise = self.within / seen_crops + 1e-6 * np.eye(len(self.mean))
        told = np.linalg.solve(self.between + noise, self.between).T
        left_open = self.between - told @ self.between
        drawn = rng.standard_normal(seen.shape) @ _root(left_open + self.within / crops).T
        means = self.mean + (seen - self.mean) @ told.T + drawn
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        return np.asarray(means / np.maximum(lengths, 1e-9), np.float32)


def _known_means(
    spread: _Spread, gallery: Floats, labels: Integers, crops: int, rng: np.random.Generator
) -> tuple[Floats, Integers]:
    """Draw means of new crops of the enrolled, as many of each: (n, 128), and whose (n,)."""
    people, counts = np.unique(labels, return_counts=True)
    each = max(1, _DRAWN_KNOWN // len(people))
    means, whose = [], []
    for count in np.unique(counts):
        own = people[counts == count]
        seen = np.stack([gallery[labels == person].mean(axis=0) for person in own])
        means.append(spread.crops_of(np.repeat(seen, each, axis=0), int(count), crops, rng))
        whose.append(np.repeat(own, each))
    return np.concatenate(means), np.concatenate(whose)


def _positive(covariance: Doubles) -> Doubles:
    """Return the nearest covariance to a symmetric matrix: no direction has less than none."""
    root = _root(covariance)
    return np.asarray(root @ root.T, np.float64)


def _root(covariance: Doubles) -> Doubles:
    """Return a (128, 128) matrix that, times its transpose, is the nearest covariance."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return np.asarray(vectors * np.sqrt(np.clip(values, 0, None)), np.float64)
