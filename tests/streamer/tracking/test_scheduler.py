from streamer.config.sections import CaptureConfig
from streamer.tracking.scheduler import CropScheduler
from streamer.wire.messages import TrackFeedback


def make(**settings: int) -> CropScheduler:
    return CropScheduler(CaptureConfig(**settings), answer_ms=1000)


def feedback(sequence: int, certain: bool = False) -> TrackFeedback:
    return TrackFeedback(camera="door", epoch="e", track=1, sequence=sequence, certain=certain)


def test_a_new_track_is_sent_at_once() -> None:
    assert make().skip_reason(1, 0, 0) is None


def test_no_more_than_so_many_are_in_flight_until_answered_or_given_up() -> None:
    policy = make(max_in_flight=2)
    policy.sent(1, 10, 0, 0)
    policy.sent(1, 11, 40, 40)
    assert policy.skip_reason(1, 80, 80) == "in_flight"
    assert policy.skip_reason(2, 80, 80) is None
    policy.take_feedback(feedback(10))
    assert policy.skip_reason(1, 80, 80) is None
    policy.sent(1, 12, 80, 80)
    assert policy.skip_reason(1, 120, 120) == "in_flight"
    assert policy.skip_reason(1, 120, 1041) is None


def test_a_certain_track_is_sent_rarely_and_soon_again_when_it_is_not() -> None:
    policy = make(certain_interval_ms=1000)
    policy.sent(1, 10, 0, 0)
    policy.take_feedback(feedback(10, certain=True))
    assert policy.skip_reason(1, 999, 999) == "not_due"
    assert policy.skip_reason(1, 1000, 1000) is None
    policy.sent(1, 35, 1000, 1000)
    policy.take_feedback(feedback(35))
    assert policy.skip_reason(1, 1040, 1040) is None


def test_hints_for_tracks_that_are_gone_are_nothing() -> None:
    policy = make()
    policy.sent(1, 10, 0, 0)
    policy.forget(1)
    policy.take_feedback(feedback(10, certain=True))
    assert policy.skip_reason(1, 1, 1) is None
