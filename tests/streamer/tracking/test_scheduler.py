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


def test_it_waits_until_every_answer_has_come_or_may_not_come_any_more() -> None:
    policy = make(max_in_flight=2)
    assert not policy.waits(0)
    policy.sent(1, 10, 0, 0)
    policy.sent(2, 10, 0, 500)
    assert policy.waits(900)
    policy.take_feedback(feedback(10))
    assert policy.waits(1500)
    assert not policy.waits(1501)


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


def paced() -> CropScheduler:
    return CropScheduler(CaptureConfig(max_in_flight=2), answer_ms=1000, paced=True)


def answer(scheduler: CropScheduler, count: int, took_ms: float, start_ms: float = 0.0) -> float:
    """Send crops of track 1 one after the other, each answered after a time; return when."""
    now_ms = start_ms
    for sequence in range(1, count + 1):
        scheduler.sent(1, sequence, now_ms, now_ms)
        now_ms += took_ms
        scheduler.answered(1, sequence, certain=False, now_ms=now_ms)
    return now_ms


def test_slow_answers_space_crops_and_quick_ones_bring_them_back() -> None:
    scheduler = paced()
    now_ms = answer(scheduler, 20, 20)
    assert scheduler.gap_ms == 0
    now_ms = answer(scheduler, 20, 400, now_ms)
    gap_ms = scheduler.gap_ms
    assert gap_ms > 100
    scheduler.sent(1, 99, now_ms, now_ms)
    scheduler.answered(1, 99, certain=False, now_ms=now_ms + 1)
    assert scheduler.skip_reason(1, now_ms + 30, now_ms + 30) == "not_due"
    assert scheduler.skip_reason(1, now_ms + 2000, now_ms + 2000) is None
    answer(scheduler, 500, 20, now_ms)
    assert scheduler.gap_ms == 0


def test_crops_that_are_never_answered_count_as_slow() -> None:
    scheduler, now_ms = paced(), 0.0
    for sequence in range(1, 10):
        scheduler.sent(1, sequence, now_ms, now_ms)
        now_ms += 1500
        scheduler.skip_reason(1, now_ms, now_ms)
    assert scheduler.gap_ms > 0


def test_a_scheduler_that_is_not_paced_never_waits() -> None:
    scheduler = CropScheduler(CaptureConfig(), answer_ms=1000)
    answer(scheduler, 50, 900)
    assert scheduler.gap_ms == 0
