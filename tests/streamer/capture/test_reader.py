import threading

import numpy as np
import pytest

from streamer.capture.reader import Reader
from streamer.capture.sources import Picture
from streamer.errors import SourceError


class Scripted:
    """A source whose frames come when the test says so: the edge where no camera can be had."""

    fps = 1000.0

    def __init__(self, frames: int, live: bool) -> None:
        self.live = live
        self.gate = threading.Semaphore(0)
        self.left = frames
        self.closed = threading.Event()
        self.count = 0

    def read(self) -> Picture | None:
        self.gate.acquire()
        if not self.left:
            return None
        self.left -= 1
        self.count += 1
        return Picture(np.full((4, 4, 3), self.count, np.uint8), None)

    def close(self) -> None:
        self.closed.set()


def wait_until(condition: object) -> None:
    assert callable(condition)
    moment = threading.Event()
    while not condition():
        moment.wait(0.005)


def test_only_the_newest_frame_is_kept_and_the_others_are_counted() -> None:
    source = Scripted(5, live=True)
    reader = Reader(lambda: source, 1, lossless=False)
    source.gate.release(5)
    wait_until(lambda: reader.counts()[0] == 5)
    frame = reader.take(10)
    assert frame is not None
    assert frame.sequence == 5
    assert int(frame.image_bgr[0, 0, 0]) == 5
    assert reader.counts() == (5, 4, 0)
    source.gate.release()
    wait_until(lambda: reader.ended)
    reader.close()
    assert source.closed.is_set()


def test_a_cut_is_not_lost_with_its_frame() -> None:
    class Looping(Scripted):
        def read(self) -> Picture | None:
            picture = super().read()
            return picture and Picture(picture.image_bgr, None, cut=self.count == 2)

    source = Looping(4, live=True)
    reader = Reader(lambda: source, 1, lossless=False)
    cuts = []
    for frames in (1, 2, 1):
        read = reader.counts()[0] + frames
        source.gate.release(frames)
        wait_until(lambda wanted=read: reader.counts()[0] == wanted)
        frame = reader.take(10)
        assert frame is not None
        cuts.append((frame.sequence, frame.cut))
    source.gate.release()
    reader.close()
    assert cuts == [(1, False), (3, True), (4, False)]


def test_a_lossless_reader_waits_for_every_frame() -> None:
    source = Scripted(4, live=False)
    reader = Reader(lambda: source, 10, lossless=True)
    source.gate.release(5)
    sequences = []
    while not reader.ended or reader.counts()[2]:
        frame = reader.take(10)
        if frame is not None:
            sequences.append(frame.sequence)
    reader.close()
    assert sequences == [10, 11, 12, 13]
    assert reader.counts() == (4, 0, 0)
    assert reader.next_sequence == 14


def test_an_unexpected_exception_is_no_end_of_the_recording() -> None:
    class Broken(Scripted):
        def read(self) -> Picture | None:
            if self.count == 1:
                raise IndexError("a mistake of ours")
            return super().read()

    source = Broken(3, live=False)
    reader = Reader(lambda: source, 1, lossless=True)
    source.gate.release(3)
    assert reader.take(60) is not None
    wait_until(lambda: reader.ended)
    with pytest.raises(IndexError, match="a mistake of ours"):
        reader.take(0)
    assert source.closed.is_set()
    reader.close()


def test_a_source_that_does_not_open_is_a_fault_and_no_crash() -> None:
    def fail() -> Scripted:
        raise SourceError("no such device")

    reader = Reader(fail, 1, lossless=False)
    wait_until(lambda: reader.ended)
    assert reader.take(0) is None
    assert "no such device" in reader.fault
    reader.close()
