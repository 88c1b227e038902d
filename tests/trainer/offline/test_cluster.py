import numpy as np
import pytest

from tests.trainer.people import made_people
from trainer.offline.cluster import MAX_FACES, cluster
from workers.classifier.impostors import Impostors


def test_none_and_one_are_no_group() -> None:
    none = np.empty((0, 128), np.float32)
    assert cluster(none, 0.1).tolist() == []
    assert cluster(np.eye(1, 128, dtype=np.float32), 0.1).tolist() == [-1]


def test_too_many_are_refused() -> None:
    with pytest.raises(Exception, match="at most 20000"):
        cluster(np.empty((MAX_FACES + 1, 1), np.float32), 0.1)


def test_faces_of_a_person_are_a_group_and_the_largest_is_first(impostors: Impostors) -> None:
    vectors, _ = made_people(impostors, 2, 8)
    middles = np.repeat([vectors[:8].mean(axis=0), vectors[8:].mean(axis=0)], 8, axis=0)
    near = 0.7 * middles + 0.3 * vectors
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    alone = np.eye(1, 128, dtype=np.float32)
    faces = np.concatenate([near[:8], alone, near[8:13]]).astype(np.float32)
    groups = cluster(faces, impostors.same_person_limit(0.003))
    assert groups.tolist() == [0] * 8 + [-1] + [1] * 5
