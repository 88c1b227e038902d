import numpy as np
from numpy.typing import NDArray

from streamer.vision.images import resize_image
from trainer.distillation.face_cache import FaceCache
from trainer.distillation.morphs import blend, joined

POINTS = np.array([[40, 60], [55, 60], [105, 60], [120, 60], [80, 100]], np.float32)


def test_a_blend_lays_the_landmarks_of_one_face_over_the_others(collins: NDArray[np.uint8]) -> None:
    one = resize_image(collins, 160, 160)
    shifted = np.roll(one, (7, 12), axis=(0, 1))
    mixed = blend(one, shifted, (POINTS, POINTS + np.array([12, 7], np.float32)), 0.5)
    inside = (slice(30, 130), slice(30, 130))
    assert np.abs(mixed[inside].astype(int) - one[inside]).mean() < 2
    assert np.abs(shifted[inside].astype(int) - one[inside]).mean() > 10


def test_a_share_of_one_is_that_face(collins: NDArray[np.uint8]) -> None:
    one = resize_image(collins, 160, 160)
    assert np.array_equal(blend(one, one[::-1].copy(), (POINTS, POINTS + 3), 1.0), one)


def test_caches_are_joined_in_order() -> None:
    def cache(count: int, value: int) -> FaceCache:
        contexts = np.full((count, 160, 160, 3), value, np.uint8)
        return FaceCache(contexts, np.zeros((count, 128), np.float32), [str(value)] * count)

    both = joined([cache(0, 0), cache(2, 1), cache(1, 2)])
    assert both.paths == ["1", "1", "2"]
    assert both.contexts[:, 0, 0, 0].tolist() == [1, 1, 2]
    assert both.descriptors.shape == (3, 128)
