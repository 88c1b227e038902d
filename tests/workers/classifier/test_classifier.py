from typing import Literal

import numpy as np
import pytest

from workers.classifier.fitting import ClassifierSpec, fit_classifier
from workers.classifier.impostors import Impostors


def people(impostors: Impostors, count: int, each: int) -> tuple[np.ndarray, np.ndarray]:
    """Made people: a draw from the distribution of faces each, and how one face varies."""
    rng = np.random.default_rng(5)
    centres = impostors.embeddings[-count:]
    return impostors.variants(centres, each, rng), np.repeat(np.arange(count, dtype=np.int32), each)


def test_nobody_enrolled_is_nobody_named(impostors: Impostors) -> None:
    empty = fit_classifier(np.empty((0, 128), np.float32), np.empty(0, np.int32), impostors)
    (prediction,) = empty.predict(impostors.embeddings[:1])
    assert prediction.person is None
    assert empty.predict(impostors.embeddings[:0]) == []


@pytest.mark.parametrize("kind", ["svc", "rbf", "knn", "lda_svc"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_enrolled_are_named_and_impostors_are_not(
    impostors: Impostors, count: int, kind: Literal["svc", "rbf", "knn", "lda_svc"]
) -> None:
    order = np.random.default_rng(1).permutation(len(impostors.embeddings))
    shuffled = impostors.embeddings[order]
    impostors = Impostors(shuffled, impostors.variation, impostors.fingerprint)
    kept = Impostors(shuffled[:-500], impostors.variation, impostors.fingerprint)
    vectors, labels = people(impostors, count, 12)
    train = np.tile(np.arange(12) < 8, count)
    classifier = fit_classifier(vectors[train], labels[train], kept, ClassifierSpec(kind))
    predictions = classifier.predict(vectors[~train])
    right = [v.person == o for v, o in zip(predictions, labels[~train], strict=True)]
    wrong = [v.person not in (None, o) for v, o in zip(predictions, labels[~train], strict=True)]
    if kind == "knn":
        # Made people vary evenly in all directions, as real ones do not: neighbours are far then,
        # and few are named, but the best candidate is the right one.
        right = [v.candidate == o for v, o in zip(predictions, labels[~train], strict=True)]
    assert np.mean(right) > 0.6
    assert np.mean(wrong) < 0.05
    strangers = classifier.predict(impostors.embeddings[-500 : -count or None])
    assert np.mean([v.person is not None for v in strangers]) < 0.05


def test_a_lower_false_accept_rate_is_a_higher_threshold(impostors: Impostors) -> None:
    vectors, labels = people(impostors, 3, 8)
    limits = [
        fit_classifier(vectors, labels, impostors, ClassifierSpec(false_accept_rate=rate)).threshold
        for rate in (0.001, 0.01, 0.1)
    ]
    assert limits == sorted(limits, reverse=True)
    assert limits[0] > limits[2]
