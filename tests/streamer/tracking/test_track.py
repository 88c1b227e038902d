import pytest

from streamer.config.sections import TrackConfig
from streamer.tracking.track import Tracker
from streamer.vision.boxes import Box

FRAME_MS = 40.0


def box(x: float, y: float = 100.0) -> Box:
    return Box(x, y, 80, 80)


def test_nothing_gives_nothing() -> None:
    tracker = Tracker(TrackConfig())
    assert tracker.update([], 0) == []
    assert tracker.take_ended() == []
    assert tracker.expected(0) == {}


def test_a_moving_face_keeps_its_number() -> None:
    tracker = Tracker(TrackConfig(confirm_frames=2))
    numbers = set()
    for frame in range(30):
        numbers |= {t.number for t in tracker.update([box(10 + 25 * frame)], frame * FRAME_MS)}
    assert numbers == {1}


def test_two_faces_that_pass_keep_their_numbers() -> None:
    tracker = Tracker(TrackConfig(confirm_frames=1))
    for frame in range(40):
        left, right = box(10 + 20 * frame, 100), box(810 - 20 * frame, 150)
        tracks = tracker.update([right, left] if frame % 2 else [left, right], frame * FRAME_MS)
    by_x = sorted(tracks, key=lambda t: t.box.x)
    assert [t.number for t in by_x] == [2, 1]


def test_one_flash_is_no_track() -> None:
    tracker = Tracker(TrackConfig(confirm_frames=2))
    assert tracker.update([box(0)], 0) == []
    assert tracker.update([], FRAME_MS) == []
    assert tracker.update([], 5000) == []
    assert tracker.take_ended() == []


def test_a_gap_is_bridged_and_a_long_one_ends_the_track() -> None:
    tracker = Tracker(TrackConfig(confirm_frames=1, lost_after_ms=500))
    assert [t.number for t in tracker.update([box(0)], 0)] == [1]
    (lost,) = tracker.update([], 400)
    assert not lost.found
    assert [t.number for t in tracker.update([box(0)], 440)] == [1]
    assert tracker.update([], 1000) == []
    assert tracker.take_ended() == [1]
    assert tracker.take_ended() == []


def test_pairs_that_overlap_too_little_do_not_push_out_one_that_overlaps_enough() -> None:
    # With 0.25 wanted, only the left track and the middle face may be matched (0.27); the two
    # other pairs (0.19 each) sum to more.
    tracker = Tracker(TrackConfig(confirm_frames=1, min_iou=0.25))
    left, right = Box(100, 100, 100, 100), Box(226, 100, 100, 100)
    assert [t.number for t in tracker.update([left, right], 0)] == [1, 2]
    middle, far_left = Box(158, 100, 100, 100), Box(31, 100, 100, 100)
    tracks = tracker.update([middle, far_left], FRAME_MS)
    assert [(t.number, t.box) for t in tracks if t.found] == [(1, middle), (3, far_left)]


def test_the_number_of_tracks_has_a_limit() -> None:
    tracker = Tracker(TrackConfig(confirm_frames=1, max_tracks=3))
    assert len(tracker.update([box(200 * i) for i in range(9)], 0)) == 3


def test_every_track_ends_with_the_source() -> None:
    tracker = Tracker(TrackConfig(confirm_frames=1))
    tracker.update([box(0), box(400)], 0)
    tracker.end_all()
    assert sorted(tracker.take_ended()) == [1, 2]
    assert tracker.next_number == 3


@pytest.mark.parametrize("step_ms", [10.0, 33.3, 100.0])
def test_where_a_face_is_expected_follows_its_speed(step_ms: float) -> None:
    tracker = Tracker(TrackConfig(confirm_frames=1))
    for frame in range(20):
        tracker.update([box(frame * step_ms * 0.2)], frame * step_ms)
    (expected,) = tracker.expected(20 * step_ms).values()
    assert expected.x == pytest.approx(20 * step_ms * 0.2, abs=8)


def walk(tracker: Tracker, frames: int, speed: float) -> float:
    """Let a face walk to the right; return where it is last."""
    for frame in range(frames):
        tracker.update([box(frame * speed)], frame * FRAME_MS)
    return (frames - 1) * speed


def test_a_hidden_face_keeps_its_track_where_it_is_expected_again() -> None:
    tracker = Tracker(TrackConfig(confirm_frames=1))
    at = walk(tracker, 20, 6)
    for frame in range(20, 25):
        tracker.update([], frame * FRAME_MS)
    (track,) = tracker.update([box(at + 6 * 6)], 25 * FRAME_MS)
    assert track.number == 1


def test_a_hidden_face_does_not_come_back_elsewhere_or_of_another_size() -> None:
    tracker = Tracker(TrackConfig(confirm_frames=1))
    at = walk(tracker, 20, 6)
    for frame in range(20, 25):
        tracker.update([], frame * FRAME_MS)
    elsewhere, larger = box(at + 200), Box(at, 60, 160, 160)
    tracks = tracker.update([elsewhere, larger], 25 * FRAME_MS)
    assert sorted((t.number, t.found) for t in tracks) == [(1, False), (2, True), (3, True)]


def test_a_hidden_face_is_not_expected_to_walk_on_forever() -> None:
    tracker = Tracker(TrackConfig(confirm_frames=1))
    at = walk(tracker, 20, 20)
    for frame in range(20, 44):
        (track,) = tracker.update([], frame * FRAME_MS)
    assert at < track.box.x < at + 0.5 * 24 * 20


def test_a_face_that_is_followed_is_not_matched_again() -> None:
    tracker = Tracker(TrackConfig(confirm_frames=1))
    tracker.update([box(0), box(30)], 0)
    tracks = tracker.update([box(2)], FRAME_MS, {1: box(31)})
    assert {t.number: t.box.x for t in tracks if t.found} == {1: 31, 2: 2}
