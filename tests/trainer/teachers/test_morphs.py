from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.vision.images import resize_image
from tests.trainer.teachers.test_faces import Mean
from trainer.teachers.descriptors import unit
from trainer.teachers.faces import Faces, joined
from trainer.teachers.morphs import blend, build_morphs

POINTS = np.array([[40, 60], [120, 60], [80, 90], [50, 120], [110, 120]], np.float64)


def faces(pictures: list[NDArray[np.uint8]]) -> Faces:
    count = len(pictures)
    contexts = np.array(pictures, np.uint8).reshape(-1, 160, 160, 3)
    points = np.tile(POINTS, (count, 1, 1))
    described = np.eye(max(count, 1), 4, dtype=np.float32)[:count]
    return Faces(contexts, points, (described,), [f"{index}.png" for index in range(count)])


def test_a_blend_lays_the_landmarks_of_one_face_over_the_others(collins: NDArray[np.uint8]) -> None:
    one = resize_image(collins, 160, 160)
    shifted = np.roll(one, (7, 12), axis=(0, 1))
    mixed = blend(one, shifted, (POINTS, POINTS + np.array([12, 7])), 0.5)
    inside = (slice(30, 130), slice(30, 130))
    assert np.abs(mixed[inside].astype(int) - one[inside]).mean() < 2
    assert np.abs(shifted[inside].astype(int) - one[inside]).mean() > 10


def test_a_share_of_one_is_that_face(collins: NDArray[np.uint8]) -> None:
    one = resize_image(collins, 160, 160)
    assert np.array_equal(blend(one, one[::-1].copy(), (POINTS, POINTS + 3), 1.0), one)


def test_caches_are_joined_in_order() -> None:
    def cache(count: int, value: int) -> Faces:
        return faces([np.full((160, 160, 3), value, np.uint8)] * count)

    both = joined([cache(0, 0), cache(2, 1), cache(1, 2)], 1)
    assert both.paths == ["0.png", "1.png", "0.png"]
    assert both.contexts[:, 0, 0, 0].tolist() == [1, 1, 2]
    assert both.descriptors[0].shape == (3, 4)


def test_blends_are_made_once_and_are_of_two_people(folder: Path) -> None:
    # Each of the first two is the other's twin, as two pictures of one person are.
    rng = np.random.default_rng(0)
    vectors = unit(rng.normal(0, 1, (40, 64)))
    vectors[1] = unit(vectors[0] + 0.01 * vectors[1])
    pictures = [np.full((160, 160, 3), 6 * index, np.uint8) for index in range(40)]
    source, teacher = faces(pictures), Mean("m")

    def build() -> Faces:
        return build_morphs(
            source,
            vectors,
            200,
            teachers=[teacher],
            folder=folder,
            on_progress=lambda done, total: None,
        )

    made = build()
    assert len(made.paths) == len(made.descriptors[0]) == 200
    assert {"0.png + 1.png", "1.png + 0.png"}.isdisjoint(made.paths)
    assert not any(path == f"{one}.png + {one}.png" for path in made.paths for one in range(40))
    seen = teacher.seen
    assert build().paths == made.paths
    assert teacher.seen == seen
