import time

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from streamer.capture.demo import background
from streamer.config.sections import DetectConfig, TrackConfig
from streamer.errors import ConfigError
from streamer.tracking.follow import FaceFollower

DETECT = DetectConfig(detect_width=640)


def wall_with(portrait: NDArray[np.uint8], *lefts: int) -> NDArray[np.uint8]:
    """A frame with the same face at some places."""
    frame = background().copy()
    for left in lefts:
        frame[200:440, left : left + 240] = portrait
    return frame


def test_an_empty_wall_has_no_track() -> None:
    follower = FaceFollower(DETECT, TrackConfig())
    assert follower.update(background(), 0) == []
    assert follower.boxes_found == 0
    assert follower.take_ended() == []


def test_what_the_cascade_alone_takes_for_a_face_makes_no_track() -> None:
    upside_down = np.ascontiguousarray(
        skimage.data.astronaut()[::-1, ::-1, ::-1]  # type: ignore[no-untyped-call]
    )
    config = DetectConfig(detect_width=0, min_face=24, search_interval_ms=0, scale_factor=1.15)
    trusting = FaceFollower(config.model_copy(update={"min_confidence": 0.0}), TrackConfig())
    follower = FaceFollower(config, TrackConfig())
    for index in range(3):
        followed = trusting.update(upside_down, index * 40)
        assert follower.update(upside_down, index * 40) == []
    assert len(followed) == trusting.boxes_found == 1
    assert trusting.not_faces == 0
    assert follower.boxes_found == follower.not_faces == 1
    assert follower.take_ended() == []


def test_a_cascade_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="cascade"):
        FaceFollower(DetectConfig(cascade="none.xml"), TrackConfig())


def test_a_face_is_found_at_once_and_confirmed_in_its_second_frame(
    collins: NDArray[np.uint8],
) -> None:
    follower = FaceFollower(DETECT, TrackConfig(confirm_frames=2))
    assert follower.update(wall_with(collins, 300), 0) == []
    assert follower.boxes_found == 1
    (track,) = follower.update(wall_with(collins, 306), 40)
    assert track.found
    assert track.number == 1


def test_a_new_face_waits_for_the_next_search_of_the_whole_picture(
    collins: NDArray[np.uint8],
) -> None:
    follower = FaceFollower(
        DetectConfig(detect_width=640, search_interval_ms=200), TrackConfig(confirm_frames=1)
    )
    both = wall_with(collins, 100, 800)
    assert len(follower.update(wall_with(collins, 100), 0)) == 1
    assert len(follower.update(both, 100)) == 1
    assert len(follower.update(both, 200)) == 2


def test_a_cut_ends_every_track_and_searches_the_whole_picture(
    collins: NDArray[np.uint8],
) -> None:
    follower = FaceFollower(DETECT, TrackConfig(confirm_frames=1))
    follower.update(wall_with(collins, 100), 0)
    (track,) = follower.update(wall_with(collins, 800), 40, cut=True)
    assert track.number == 2
    assert track.box.x > 600
    assert follower.take_ended() == [1]
    follower.end_all()
    assert follower.take_ended() == [2]


def test_a_cut_in_the_picture_itself_ends_every_track(
    collins: NDArray[np.uint8], hopper: NDArray[np.uint8]
) -> None:
    follower = FaceFollower(DETECT, TrackConfig(confirm_frames=1))
    for index in range(4):
        (track,) = follower.update(wall_with(collins, 300), index * 40)
    assert track.number == 1
    other = np.full((720, 1280, 3), (60, 140, 30), np.uint8)
    other[:, ::3] = 230
    other[200:440, 300:540] = cv2.resize(hopper, (240, 240))
    tracks = follower.update(other, 160)
    assert follower.take_ended() == [1]
    assert [track.number for track in tracks] == [2]


def test_a_face_that_looks_away_for_a_while_keeps_its_track(collins: NDArray[np.uint8]) -> None:
    follower = FaceFollower(DETECT, TrackConfig(confirm_frames=2))
    numbers, found = set(), 0
    for index in range(40):
        tilt = cv2.getRotationMatrix2D((120, 120), 32 * np.sin(index / 6), 1.0)
        tilted = np.asarray(cv2.warpAffine(collins, tilt, (240, 240)), np.uint8)
        for track in follower.update(wall_with(tilted, 300 + 4 * index), index * 33.3):
            numbers.add(track.number)
            found += track.found
    assert numbers == {1}
    assert found >= 37


def test_a_frame_that_is_passed_over_has_the_tracks_where_they_are_expected(
    collins: NDArray[np.uint8],
) -> None:
    follower = FaceFollower(DETECT, TrackConfig(confirm_frames=1))
    for index in range(10):
        (last,) = follower.update(wall_with(collins, 300 + 6 * index), index * 40)
        at = last.box.x
    (passed,) = follower.pass_over(400)
    assert passed.found
    with pytest.raises(KeyError):
        follower.face_of(passed)
    assert at < passed.box.x < at + 20
    (again,) = follower.update(wall_with(collins, 366), 440)
    assert again.found
    assert again.number == passed.number


def test_searches_beside_the_frames_find_the_same_faces_a_little_later(
    collins: NDArray[np.uint8],
) -> None:
    follower = FaceFollower(DETECT, TrackConfig(confirm_frames=2), beside=True)
    frame, tracks = wall_with(collins, 300), []
    for index in range(2000):
        tracks = follower.update(frame, index * 40)
        if tracks:
            break
        time.sleep(0.01)
    assert tracks[0].found
    follower.close()


def test_with_rarer_searches_a_new_face_waits_longer(collins: NDArray[np.uint8]) -> None:
    follower = FaceFollower(
        DetectConfig(detect_width=640, search_interval_ms=200), TrackConfig(confirm_frames=1)
    )
    both = wall_with(collins, 100, 800)
    assert len(follower.update(wall_with(collins, 100), 0)) == 1
    assert len(follower.update(both, 600, rarely=4.0)) == 1
    assert len(follower.update(both, 800, rarely=4.0)) == 2
