import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamer.capture.demo import background
from streamer.vision.boxes import Box, iou_matrix
from streamer.vision.images import encode_image
from trainer.labelling.flow import follow_box
from trainer.labelling.linking import link, smoothed, sparse
from trainer.labelling.looking import CutFinder, Found, Looked, Searcher

WALL = background(480, 270)
FPS = 10.0


def scene(portrait: NDArray[np.uint8], x: int, y: int) -> NDArray[np.uint8]:
    frame = WALL.copy()
    small = cv2.resize(portrait, (120, 120), interpolation=cv2.INTER_AREA)
    frame[y : y + 120, x : x + 120] = small
    return frame


def looked_at(frames: list[NDArray[np.uint8]], found: dict[int, Box], cut: int = -1) -> Looked:
    looked = Looked(480, 270, FPS)
    for number, frame in enumerate(frames):
        looked.found.append([Found(found[number], True)] if number in found else [])
        looked.cuts.append(number == cut)
        looked.small.append(encode_image(frame, quality=95))
    return looked


def test_the_searcher_finds_the_face_and_says_that_it_is_sure(collins: NDArray[np.uint8]) -> None:
    (found,) = Searcher().search(scene(collins, 100, 60), deep=True)
    assert found.sure
    assert 100 < found.box.x + found.box.width / 2 < 220
    assert Searcher().search(WALL, deep=False) == []


def test_flow_follows_a_face(collins: NDArray[np.uint8]) -> None:
    before, after = (
        np.asarray(cv2.cvtColor(scene(collins, x, 60), cv2.COLOR_BGR2GRAY), np.uint8)
        for x in (100, 106)
    )
    moved = follow_box(before, after, Box(130, 90, 60, 60))
    assert moved is not None
    assert moved == pytest.approx((136, 90, 60, 60), abs=1.5)
    assert follow_box(before, np.zeros_like(after), Box(130, 90, 60, 60)) is None
    assert follow_box(before, after, Box(900, 90, 60, 60)) is None


def test_a_face_is_followed_between_and_around_where_it_is_found(
    collins: NDArray[np.uint8],
) -> None:
    """Found in frames 5 to 7 and 20 to 22 only; it moves by 3 px a frame."""
    frames = [scene(collins, 60 + 3 * number, 60) for number in range(30)]
    found = {n: Box(90 + 3 * n, 90, 60, 60) for n in (5, 6, 7, 20, 21, 22)}
    (draft,) = link(looked_at(frames, found), lambda done, total: None)
    assert draft.first == 0
    assert draft.last == 29
    assert draft.sure == 6
    for number, box in enumerate(draft.boxes):
        true = np.array([[90 + 3 * number, 90, 60, 60]], np.float64)
        assert iou_matrix(np.array([box]), true)[0, 0] > 0.85, number


def test_a_cut_ends_a_track(collins: NDArray[np.uint8]) -> None:
    frames = [scene(collins, 100, 60)] * 20
    found = {number: Box(130, 90, 60, 60) for number in range(20)}
    early, late = link(looked_at(frames, found, cut=8), lambda done, total: None)
    assert (early.first, early.last) == (0, 7)
    assert (late.first, late.last) == (8, 19)


def test_what_was_seen_once_is_no_track(collins: NDArray[np.uint8]) -> None:
    frames = [scene(collins, 100, 60)] * 5
    looked = looked_at(frames, {2: Box(130, 90, 60, 60)})
    assert link(looked, lambda done, total: None) == []


def test_cuts_are_found_and_moving_is_none(
    collins: NDArray[np.uint8], hopper: NDArray[np.uint8]
) -> None:
    cuts = CutFinder()
    frames = [scene(collins, 20 + 10 * number, 60) for number in range(8)]
    assert not any(cuts.is_cut(frame) for frame in frames)
    assert cuts.is_cut(np.asarray(cv2.resize(hopper, (480, 270)), np.uint8))
    assert not cuts.is_cut(np.asarray(cv2.resize(hopper, (480, 270)), np.uint8))


@settings(deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=60))
def test_sparse_keys_stay_near_every_box(places: list[int]) -> None:
    boxes = [Box(place, 0, 100, 100) for place in places]
    kept = sparse(boxes)
    assert kept[0] == 0
    assert kept[-1] == len(boxes) - 1
    straight = np.interp(range(len(boxes)), kept, [places[index] for index in kept])
    assert np.abs(straight - places).max() <= 4 + 1e-9


def test_smoothing_keeps_a_straight_line() -> None:
    boxes = [Box(3.0 * number, 0, 50, 50) for number in range(9)]
    assert np.array(smoothed(boxes)) == pytest.approx(np.array(boxes))
