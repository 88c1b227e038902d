import numpy as np

from streamer.vision.align import MEAN_SHAPE
from streamer.vision.landmarks import VIEW_SIZE
from trainer.landmarks.views import face_view, faceless_view
from trainer.teachers.contexts import CONTEXT_SIZE, SQUARE_SIDE

POINTS = (MEAN_SHAPE * SQUARE_SIDE + CONTEXT_SIZE / 2 - 0.5).astype(np.float32)


def test_a_view_and_its_points_move_together() -> None:
    picture = np.zeros((CONTEXT_SIZE, CONTEXT_SIZE, 3), np.uint8)
    x, y = np.rint(POINTS[2]).astype(int)
    picture[y - 2 : y + 3, x - 2 : x + 3] = 255
    near = 0
    for seed in range(20):
        view, shares = face_view(picture, POINTS, np.random.default_rng(seed))
        assert view.shape == (VIEW_SIZE, VIEW_SIZE, 3)
        x, y = np.rint((shares[2] + 0.5) * VIEW_SIZE - 0.5).astype(int)
        around = view[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
        near += bool(around.size and around.max() > view.mean() + 20)
    assert near >= 16  # the others are covered or too dark


def test_a_mirrored_view_has_its_left_eye_on_the_left() -> None:
    picture = np.zeros((CONTEXT_SIZE, CONTEXT_SIZE, 3), np.uint8)
    for seed in range(20):
        _, shares = face_view(picture, POINTS, np.random.default_rng(seed))
        assert shares[0, 0] < shares[1, 0]
        assert shares[3, 0] < shares[4, 0]


def test_views_without_a_face_show_pictures_without_one_or_what_is_beside_it() -> None:
    contexts = np.zeros((1, CONTEXT_SIZE, CONTEXT_SIZE, 3), np.uint8)
    none, white = contexts[:0], contexts + 255
    rngs = [np.random.default_rng(seed) for seed in range(30)]
    views = np.stack([faceless_view(white, contexts, rng) for rng in rngs])
    assert views.shape == (30, VIEW_SIZE, VIEW_SIZE, 3)
    bright = views.mean(axis=(1, 2, 3)) > 60
    assert 8 <= bright.sum() <= 26
    assert faceless_view(none, contexts, np.random.default_rng(0)).shape == views.shape[1:]
