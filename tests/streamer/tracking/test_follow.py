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
    config = DetectConfig(detect_width=0, min_face=24, search_interval_ms=0)
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
