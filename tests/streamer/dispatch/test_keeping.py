from dataclasses import replace

from streamer.dispatch.keeping import ENOUGH, EVERY_S, MAX_TRACKS, Keeping
from streamer.wire.timestamps import timestamp_now
from tests.streamer.dispatch.test_queue import crop

INFO = replace(crop(1, 1, timestamp_now()).info, quality=0.5)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_at_first_one_every_half_second_and_better_ones_at_once() -> None:
    clock = Clock()
    keeping = Keeping(clock)
    assert keeping.wants(INFO)
    keeping.sent(INFO)
    assert not keeping.wants(INFO)
    assert keeping.wants(replace(INFO, quality=0.6))
    clock.now_s += EVERY_S
    assert keeping.wants(INFO)
    assert keeping.wants(replace(INFO, track=2))


def test_after_enough_only_better_ones() -> None:
    clock = Clock()
    keeping = Keeping(clock)
    for _ in range(ENOUGH):
        keeping.sent(INFO)
    clock.now_s += 100 * EVERY_S
    assert not keeping.wants(INFO)
    assert keeping.wants(replace(INFO, quality=0.51))


def test_tracks_are_forgotten_and_then_begin_anew() -> None:
    keeping = Keeping(Clock())
    for track in range(MAX_TRACKS + 1):
        keeping.sent(replace(INFO, track=track))
    assert len(keeping._tracks) == MAX_TRACKS
    assert keeping.wants(replace(INFO, track=0))
    assert not keeping.wants(replace(INFO, track=MAX_TRACKS))
