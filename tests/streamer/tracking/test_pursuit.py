import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.capture.demo import background
from streamer.tracking.pursuit import Pursuit
from streamer.vision.boxes import Box
from streamer.vision.detect import HaarDetector
from streamer.vision.faces import DetectedFace, FaceDetector

FRAME_MS = 33.0


def wall_with(portrait: NDArray[np.uint8], left: int) -> NDArray[np.uint8]:
    frame = background().copy()
    frame[200:440, left : left + 240] = portrait
    return frame


def face_in(frame: NDArray[np.uint8]) -> DetectedFace:
    (face,) = FaceDetector(HaarDetector(detect_width=640), 0.5).detect(frame)
    return face


@pytest.fixture
def pursuit() -> Pursuit:
    return Pursuit(FaceDetector(HaarDetector(), 0.5).finder)


def test_nobody_is_followed_who_was_not_known(pursuit: Pursuit, collins: NDArray[np.uint8]) -> None:
    frame = wall_with(collins, 300)
    assert pursuit.follow(frame, {}, 0) == {}
    assert pursuit.follow(frame, {1: face_in(frame).box}, 0) == {}


def test_a_face_is_followed_without_the_cascade(
    pursuit: Pursuit, collins: NDArray[np.uint8]
) -> None:
    frame = wall_with(collins, 300)
    expected = face_in(frame).box
    pursuit.begin(frame, {1: face_in(frame)}, 0)
    for index in range(1, 20):
        frame = wall_with(collins, 300 + 8 * index)
        found = pursuit.follow(frame, {1: expected}, index * FRAME_MS)
        pursuit.note(1, found[1], index * FRAME_MS)
        expected = found[1].face.box
    moved = face_in(frame).box
    assert expected.x == pytest.approx(moved.x, abs=0.15 * moved.width)
    assert expected.width == pytest.approx(moved.width, rel=0.25)


def test_a_head_is_followed_further_than_the_cascade_sees_it(
    pursuit: Pursuit, collins: NDArray[np.uint8]
) -> None:
    frame = wall_with(collins, 300)
    expected = face_in(frame).box
    pursuit.begin(frame, {1: face_in(frame)}, 0)
    for index in range(1, 11):
        turn = cv2.getRotationMatrix2D((120, 120), 3.0 * index, 1.0)
        frame = wall_with(np.asarray(cv2.warpAffine(collins, turn, (240, 240)), np.uint8), 300)
        found = pursuit.follow(frame, {1: expected}, index * FRAME_MS)
        pursuit.note(1, found[1], index * FRAME_MS)
        expected = found[1].face.box
    assert HaarDetector(detect_width=400, scale_factor=1.15).detect(frame) == []
    assert abs(found[1].face.pose.roll) > 20


def test_a_face_that_is_gone_is_not_found(pursuit: Pursuit, collins: NDArray[np.uint8]) -> None:
    frame = wall_with(collins, 300)
    face = face_in(frame)
    pursuit.begin(frame, {1: face}, 0)
    assert pursuit.follow(background(), {1: face.box}, FRAME_MS) == {}


def test_a_track_does_not_go_on_with_another_person_under_it(
    pursuit: Pursuit, collins: NDArray[np.uint8], hopper: NDArray[np.uint8]
) -> None:
    frame = wall_with(collins, 300)
    face = face_in(frame)
    pursuit.begin(frame, {1: face}, 0)
    assert pursuit.follow(frame, {1: face.box}, FRAME_MS)
    other = face_in(wall_with(np.asarray(cv2.resize(hopper, (240, 240)), np.uint8), 300)).box
    scale = face.box.width / other.width
    side = round(240 * scale)
    person = np.asarray(cv2.resize(hopper, (side, side)), np.uint8)
    frame = background().copy()
    left = round(face.box.x - (other.x - 300) * scale)
    top = round(face.box.y - (other.y - 200) * scale)
    frame[top : top + side, left : left + side] = person
    assert pursuit.follow(frame, {1: face.box}, FRAME_MS) == {}


def test_of_two_tracks_on_one_face_the_likelier_keeps_it(
    pursuit: Pursuit, collins: NDArray[np.uint8], hopper: NDArray[np.uint8]
) -> None:
    both = wall_with(collins, 300)
    both[200:440, 800:1040] = cv2.resize(hopper, (240, 240))
    first, second = sorted(
        FaceDetector(HaarDetector(detect_width=640), 0.5).detect(both), key=lambda f: f.box.x
    )
    pursuit.begin(both, {1: first, 2: second}, 0)
    crossed = wall_with(collins, 300)
    found = pursuit.follow(crossed, {1: first.box, 2: Box(*first.box)}, 5 * FRAME_MS)
    assert set(found) == {1}


def test_a_track_that_has_ended_is_forgotten(pursuit: Pursuit, collins: NDArray[np.uint8]) -> None:
    frame = wall_with(collins, 300)
    face = face_in(frame)
    pursuit.begin(frame, {1: face}, 0)
    pursuit.keep_only({2})
    assert pursuit.follow(frame, {1: face.box}, FRAME_MS) == {}
