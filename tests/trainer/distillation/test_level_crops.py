import numpy as np

from streamer.vision.align import CROP_POINTS, MEAN_SHAPE
from trainer.distillation.level_crops import level_crop, spoilt
from trainer.teachers.contexts import CONTEXT_SIZE, SQUARE_SIDE

POINTS = MEAN_SHAPE * SQUARE_SIDE + CONTEXT_SIZE / 2 - 0.5


def test_levelled_crops_differ_but_stay_level() -> None:
    angle = np.radians(25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (POINTS - CONTEXT_SIZE / 2) @ turn.T + CONTEXT_SIZE / 2
    context = np.zeros((CONTEXT_SIZE, CONTEXT_SIZE, 3), np.uint8)
    for x, y in np.rint(points[:2]).astype(int):
        context[y - 2 : y + 3, x - 2 : x + 3] = 255
    crops = [level_crop(context, points, np.random.default_rng(seed)) for seed in range(40)]
    assert len({crop.tobytes() for crop in crops}) == 40
    assert all(crop.shape == (96, 96, 3) and crop.dtype == np.float32 for crop in crops)
    assert all(0 <= crop.min() <= crop.max() <= 1 for crop in crops)
    mean = np.mean(crops, axis=0).mean(axis=2)
    mean = mean - np.median(mean)
    for half, eye in ((mean[:, :48], CROP_POINTS[0]), (mean[:, 48:], CROP_POINTS[1] - (48, 0))):
        row, column = np.unravel_index(int(half.argmax()), half.shape)
        assert np.hypot(*(np.array([column, row]) - eye)) < 5


def test_spoiling_keeps_shape_and_range() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (96, 96, 3)).astype(np.uint8)
    found = [spoilt(crop, np.random.default_rng(seed)) for seed in range(50)]
    assert {(one.shape, one.dtype) for one in found} == {((96, 96, 3), np.dtype(np.uint8))}
    assert not any(np.array_equal(one, crop) for one in found)
