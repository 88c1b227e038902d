from dataclasses import replace

from streamer.dispatch.queue import MAX_ATTEMPTS, CropQueue, QueuedCrop
from streamer.wire.counters import StageCounters
from streamer.wire.messages import CropInfo
from streamer.wire.timestamps import Timestamp


def crop(
    track: int, sequence: int, captured: Timestamp | int = 0, camera: str = "door"
) -> QueuedCrop:
    stamp = Timestamp(captured, 0, "here") if isinstance(captured, int) else captured
    info = CropInfo(
        camera=camera, epoch="e", track=track, sequence=sequence, captured=stamp, media_ms=0.0,
        box_xywh=(0, 0, 9, 9), quality=1.0,
    )  # fmt: skip
    return QueuedCrop(info, b"")


class Bench:
    """A queue whose clock is set by hand."""

    def __init__(self, max_queue: int = 4, max_age_ms: float = 100) -> None:
        self.now = 0
        self.counters = StageCounters("crops")
        self.queue = CropQueue(
            max_queue, max_age_ms, self.counters, lambda stamp: self.now - stamp.monotonic_ns
        )

    def adds_up(self) -> bool:
        return self.counters.snapshot(len(self.queue)).unaccounted == 0


def test_an_empty_queue_gives_nothing() -> None:
    bench = Bench()
    assert bench.queue.take(8) == []
    assert bench.adds_up()


def test_oldest_track_first_and_the_newest_crop_of_each() -> None:
    bench = Bench()
    for track, sequence in ((1, 1), (2, 1), (1, 2), (1, 1)):
        bench.queue.put(crop(track, sequence))
    assert [(c.info.track, c.info.sequence) for c in bench.queue.take(8)] == [(1, 2), (2, 1)]
    assert bench.counters.dropped == {"superseded": 2}


def test_a_full_queue_loses_its_oldest() -> None:
    bench = Bench(max_queue=2)
    for track in (1, 2, 3):
        bench.queue.put(crop(track, 1))
    assert [c.info.track for c in bench.queue.take(8)] == [2, 3]
    assert bench.counters.dropped == {"queue_full": 1}


def test_a_recording_that_waits_loses_no_crop_to_age() -> None:
    bench = Bench(max_age_ms=100)
    waiting = crop(1, 1, 0)
    bench.queue.put(QueuedCrop(replace(waiting.info, lossless=True), b""))
    bench.queue.put(crop(2, 1, 0))
    bench.now = 10_000
    bench.queue.expire()
    (taken,) = bench.queue.take(8)
    assert taken.info.track == 1
    bench.queue.put_back(taken)
    assert [c.info.track for c in bench.queue.take(8)] == [1]
    assert bench.counters.dropped == {"expired": 1}


def test_a_recording_that_waits_loses_no_crop_to_the_next() -> None:
    bench = Bench()
    for sequence in (1, 2):
        one = crop(1, sequence, 0)
        bench.queue.put(QueuedCrop(replace(one.info, lossless=True), b""))
    assert [c.info.sequence for c in bench.queue.take(8)] == [1, 2]
    assert bench.counters.dropped == {}


def test_stale_crops_are_never_handed_out() -> None:
    bench = Bench(max_age_ms=100)
    bench.queue.put(crop(1, 1, 0))
    bench.queue.put(crop(2, 1, 90))
    bench.now = 150
    assert [c.info.track for c in bench.queue.take(8)] == [2]
    bench.queue.put(crop(3, 1, 150))
    bench.now = 500
    bench.queue.expire()
    assert len(bench.queue) == 0
    assert bench.counters.dropped == {"expired": 2}


def test_a_lost_workers_crop_goes_first_while_it_is_fresh_and_not_for_ever() -> None:
    bench = Bench()
    first = crop(1, 1)
    bench.queue.put(first)
    (taken,) = bench.queue.take(1)
    bench.queue.put(crop(2, 1))
    for _ in range(MAX_ATTEMPTS - 1):
        bench.queue.put_back(taken, attempted=True)
        (taken,) = bench.queue.take(1)
        assert taken.info.track == 1
    bench.queue.put_back(taken, attempted=True)
    assert bench.counters.dropped == {"worker_lost": 1}
    (other,) = bench.queue.take(1)
    for _ in range(2 * MAX_ATTEMPTS):  # nobody was there to send it to: no worker had it
        bench.queue.put_back(other)
        (other,) = bench.queue.take(1)
    bench.queue.put(crop(2, 2))
    bench.queue.put_back(other)
    assert bench.counters.dropped["superseded"] == 1
    bench.queue.clear("stopped")
    assert bench.adds_up()
