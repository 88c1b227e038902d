import numpy as np

from tests.trainer.people import made_people, some_of
from workers.classifier.classifier import Classifier
from workers.classifier.counter_examples import CounterExamples
from workers.classifier.fitting import ClassifierSpec, fit_classifier
from workers.classifier.impostors import Impostors


def fitted(impostors: Impostors, counters: CounterExamples) -> Classifier:
    from dataclasses import replace

    some = some_of(impostors, 300)
    vectors, dataset = made_people(some, 3, 4)
    classifier = fit_classifier(vectors, dataset.labels, some, ClassifierSpec(), dataset.group)
    return replace(classifier, counter_examples=counters)


def test_who_is_nearer_to_a_counter_example_is_somebody_else(impostors: Impostors) -> None:
    plain = fitted(impostors, CounterExamples.none())
    own, labels = plain.gallery, plain.labels
    (taken,) = np.flatnonzero(labels == 1)[:1]
    said = CounterExamples(own[taken : taken + 1], np.array([0], np.int32))
    now = fitted(impostors, said)
    # A face of person 1, said not to be person 0: no reason not to be person 1.
    assert now.predict(own[taken : taken + 1]) == plain.predict(own[taken : taken + 1])
    for before, after, label in zip(plain.predict(own), now.predict(own), labels, strict=True):
        if before.person == label:
            assert after == before, "nobody's own crops are nearer to somebody else's"
    (own_taken,) = np.flatnonzero(labels == 0)[:1]
    almost = own[own_taken] + 0.05 * own[taken]
    almost /= np.linalg.norm(almost)
    not_them = fitted(impostors, CounterExamples(almost[None], np.array([0], np.int32)))
    assert plain.predict(almost[None])[0].candidate == 0
    (found,) = not_them.predict(almost[None])
    assert found.person is None
    assert found.candidate != 0 or found.probability < 1e-6


def test_if_it_can_be_nobody_it_is_nobody(impostors: Impostors) -> None:
    plain = fitted(impostors, CounterExamples.none())
    everybody = CounterExamples(
        np.repeat(plain.gallery[:1] * 0.999, 3, axis=0), np.arange(3, dtype=np.int32)
    )
    row = plain.gallery[:1].copy()
    row[0, 0] += 0.01
    row /= np.linalg.norm(row)
    nearer = CounterExamples(np.repeat(row, 3, axis=0), everybody.labels)
    (found,) = fitted(impostors, nearer).predict(row)
    assert found.person is None
    assert found.probability < 1e-6


def test_a_persons_go_with_them(impostors: Impostors) -> None:
    rows = np.eye(3, 128, dtype=np.float32)
    left = CounterExamples(rows, np.array([0, 1, 2], np.int32)).without_person(1)
    assert left.labels.tolist() == [0, 1]
    assert np.array_equal(left.embeddings, rows[[0, 2]])
    fewer = fitted(impostors, CounterExamples(rows, np.array([0, 1, 2], np.int32)))
    assert fewer.without_person(1).counter_examples.labels.tolist() == [0, 1]
