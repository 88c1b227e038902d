import pytest

from streamer.wire.clock_offsets import ClockOffsets
from streamer.wire.timestamps import Timestamp, timestamp_now

S = 1_000_000_000


class Bench:
    """Our clocks, set by hand, and the stamps of a host whose clock is `ahead_s` ahead of ours."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        self.now_s = 1_000_000.0
        self.ahead_s = ahead_s
        self.offsets = ClockOffsets(lambda: round(self.now_s * S), lambda: self.now_s)

    def stamp(self, clock: str = "theirs") -> Timestamp:
        return Timestamp(0, round((self.now_s + self.ahead_s) * S), clock)

    def message(self, took_s: float) -> Timestamp:
        stamp = self.stamp()
        self.now_s += took_s
        self.offsets.observe(stamp, "door")
        return stamp

    def stream(self, seconds: int, took_s: float) -> Timestamp:
        for _ in range(seconds):
            self.now_s += 1 - took_s
            stamp = self.message(took_s)
        return stamp


def test_ages_on_this_host_are_of_its_monotonic_clock() -> None:
    offsets = ClockOffsets(lambda: 0)
    stamp = timestamp_now()
    offsets.observe(stamp, "door")
    assert 0 <= offsets.age_ms(stamp) < 60_000


@pytest.mark.parametrize("ahead_s", [-3600.0, -1.0, 0.0, 1.0, 3600.0])
def test_a_clock_that_is_off_makes_no_crop_old_or_young(
    ahead_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(ahead_s)
    bench.stream(20, took_s=0.04)
    stamp = bench.message(took_s=0.1)
    assert bench.offsets.age_ms(stamp) == pytest.approx(100, abs=51)
    bench.now_s += 2
    assert bench.offsets.age_ms(stamp) == pytest.approx(2100, abs=51)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == bool(ahead_s)
    for text in told:
        assert "camera door" in text
        assert "(theirs)" in text
        side = "ahead of" if ahead_s > 0 else "behind"
        assert f"{abs(ahead_s):.1f} s {side} this one's" in text


def test_a_slow_first_message_is_no_offset(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.message(took_s=3.0)
    bench.stream(20, took_s=0.1)
    assert bench.offsets.age_ms(bench.message(took_s=0.4)) == pytest.approx(400)
    assert caplog.records == []


def test_a_link_that_fills_up_makes_crops_old(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.stream(30, took_s=0.1)
    stamp = bench.stream(25, took_s=0.9)
    assert bench.offsets.age_ms(stamp) == pytest.approx(900)
    assert "0.8 s later than before" in caplog.text
    assert "overloaded" in caplog.text


@pytest.mark.parametrize(("before_s", "after_s"), [(1.0, 0.0), (0.0, -2.0), (0.0, 2.0)])
def test_a_clock_that_is_set_is_followed_within_a_minute_or_so(
    before_s: float, after_s: float
) -> None:
    bench = Bench(before_s)
    bench.stream(100, took_s=0.1)
    bench.ahead_s = after_s
    stamp = bench.stream(75, took_s=0.1)
    assert bench.offsets.age_ms(stamp) == pytest.approx(100, abs=101)


def test_clocks_of_any_number_of_hosts_are_remembered_within_a_limit() -> None:
    bench = Bench(ahead_s=-100.0)
    for number in range(1000):
        bench.offsets.observe(bench.stamp(f"host-{number}"), "door")
    assert bench.offsets.age_ms(bench.stamp("host-999")) == 0
    assert len(bench.offsets._clocks) < 300
