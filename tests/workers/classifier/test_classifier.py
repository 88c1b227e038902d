from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from workers.classifier.by_person import EmbeddingsByPerson
from workers.classifier.fitting import ClassifierSpec, fit_classifier
from workers.classifier.impostors import Impostors, load_impostors
from workers.classifier.scorers import KernelScorer, NearestScorer, scorer_from

Kind = Literal["svc", "rbf", "knn", "lda_svc"]


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
    impostors: Impostors, count: int, kind: Kind
) -> None:
    order = np.random.default_rng(1).permutation(len(impostors.embeddings))
    shuffled = impostors.embeddings[order]
    impostors = Impostors(shuffled, impostors.variation, impostors.fingerprint)
    kept = Impostors(shuffled[:-500], impostors.variation, impostors.fingerprint)
    vectors, labels = people(impostors, count, 12)
    train = np.tile(np.arange(12) < 8, count)
    classifier = fit_classifier(vectors[train], labels[train], kept, ClassifierSpec(kind=kind))
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


@pytest.mark.parametrize("groups", [[0, 1], [0, 0, 1], [0, 1, 2], [0] * 9])
def test_one_person_of_few_moments_can_be_enrolled(impostors: Impostors, groups: list[int]) -> None:
    rng = np.random.default_rng(0)
    own = impostors.variants(impostors.embeddings[:1], len(groups), rng)
    labels, moments = np.zeros(len(own), np.int32), np.array(groups, np.int32)
    fitted = fit_classifier(own, labels, impostors, groups=moments)
    assert fitted.holdout.crops == len(groups)
    assert {prediction.candidate for prediction in fitted.predict(own)} == {0}


def test_a_lower_false_accept_rate_is_a_higher_threshold(impostors: Impostors) -> None:
    vectors, labels = people(impostors, 3, 8)
    limits = [
        fit_classifier(vectors, labels, impostors, ClassifierSpec(false_accept_rate=rate)).threshold
        for rate in (0.001, 0.01, 0.1)
    ]
    assert limits == sorted(limits, reverse=True)
    assert limits[0] > limits[2]


def test_the_rate_is_of_impostors_that_were_held_out_by_their_weight(
    impostors: Impostors,
) -> None:
    vectors, labels = people(impostors, 1, 8)
    kept = Impostors(impostors.embeddings[:2000], impostors.variation, impostors.fingerprint)
    spec = ClassifierSpec(false_accept_rate=0.05)
    plain = fit_classifier(vectors, labels, kept, spec)
    named = plain.holdout.impostors_named
    assert 0 < named <= 0.05 * 2000
    # Those who are most like the enrolled are a kind, which counts three times as much and more.
    alike = (kept.embeddings @ vectors.T).max(axis=1)
    kind = (alike > np.quantile(alike, 0.8)).astype(np.int64)
    counted = fit_classifier(vectors, labels, replace(kept, kind=kind), spec)
    assert counted.threshold > plain.threshold
    assert counted.holdout.impostors_named == pytest.approx(named, abs=3)


def test_the_distance_is_to_the_nearest_of_the_persons_own(impostors: Impostors) -> None:
    vectors, labels = people(impostors, 4, 5)
    order = np.random.default_rng(2).permutation(len(labels))
    vectors, labels = vectors[order], labels[order]
    probes, whose = impostors.embeddings[:7], np.array([3, 0, 0, 2, 1, 3, 3])
    expected = [
        min(float(((probe - own) ** 2).sum()) for own in vectors[labels == person])
        for probe, person in zip(probes, whose, strict=True)
    ]
    found = EmbeddingsByPerson(vectors, labels).nearest_squared(probes, whose)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert EmbeddingsByPerson(vectors, labels).nearest_squared(probes[:0], whose[:0]).shape == (0,)


def test_the_neighbours_are_those_of_a_sort(impostors: Impostors) -> None:
    vectors, labels = people(impostors, 3, 5)
    squared = ((vectors[:2, None] - vectors) ** 2).sum(axis=2)
    expected = [
        [-np.sort(row[labels == person])[:3].mean() for person in range(3)] for row in squared
    ]
    found = NearestScorer(vectors, labels, 3).margins(vectors[:2])
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["svc", "rbf", "knn", "lda_svc"])
def test_without_a_person_the_others_are_named_and_no_number_is_left(
    impostors: Impostors, kind: Kind
) -> None:
    vectors, labels = people(impostors, 4, 12)
    kept = Impostors(impostors.embeddings[:1000], impostors.variation, impostors.fingerprint)
    classifier = fit_classifier(vectors, labels, kept, ClassifierSpec(kind=kind))
    before = [p.person for p in classifier.predict(vectors)]
    left = classifier.without_person(1)
    assert left.labels.tolist() == [0] * 12 + [1] * 12 + [2] * 12
    others = labels != 1
    after = [p.person for p in left.predict(vectors[others])]
    renumbered = [None if n is None else n - (n > 1) for n in np.array(before, object)[others]]
    assert after == renumbered
    for array in (left.gallery, *left.scorer.arrays().values()):
        stored = array.tobytes()
        assert not any(row.tobytes() in stored for row in vectors[labels == 1])
    said, kept_said = classifier.held_out, left.held_out
    assert said is not None
    assert kept_said is not None
    named = [n - (n > 1) if n != 1 else -1 for n in said.person[others].tolist()]
    assert kept_said.person.tolist() == named
    assert np.array_equal(kept_said.probability, said.probability[others])
    right = int((said.person == labels).sum())
    assert right == classifier.holdout.named_rightly
    nobody = left.without_person(0).without_person(0).without_person(0)
    assert nobody.predict(vectors[:1])[0].person is None


def test_support_vectors_of_unknown_owners_leave_with_their_person(impostors: Impostors) -> None:
    vectors, labels = people(impostors, 3, 12)
    kept = Impostors(impostors.embeddings[:1000], impostors.variation, impostors.fingerprint)
    scorer = fit_classifier(vectors, labels, kept, ClassifierSpec(kind="rbf")).scorer
    assert isinstance(scorer, KernelScorer)
    stored = {name: array for name, array in scorer.arrays().items() if name != "owner"}
    old = scorer_from("rbf", stored, 3)
    left = old.without_person(2, vectors, labels)
    np.testing.assert_array_equal(old.margins(vectors), scorer.margins(vectors))
    support = left.arrays()["support"].tobytes()
    assert not any(row.tobytes() in support for row in vectors[labels == 2])
    assert left.margins(vectors).shape == (36, 2)


def test_a_gallery_of_nobody_is_read_whatever_its_kind() -> None:
    nobody = fit_classifier(np.empty((0, 128), np.float32), np.empty(0, np.int32), load_impostors())
    for kind in ("svc", "rbf", "knn", "lda_svc"):
        scorer = scorer_from(kind, nobody.scorer.arrays(), 0)
        assert scorer.margins(np.eye(1, 128, dtype=np.float32)).shape == (1, 0)
