import pytest

from streamer.errors import ProtocolError
from streamer.runtime.stats import StatsReporter
from streamer.wire.codec import decode, encode
from streamer.wire.latencies import (
    BOUNDS_S,
    MAX_CAMERAS,
    LatencyCount,
    LatencyCounters,
    quantile_s,
)
from streamer.wire.messages import Stats


def test_before_the_first_there_are_no_counts_and_no_quantile() -> None:
    assert LatencyCounters("events").snapshot() == ()
    assert quantile_s(0.5, [0] * 13) is None


def test_each_time_is_in_the_class_whose_bound_it_does_not_exceed() -> None:
    latencies = LatencyCounters("events")
    for seconds in (0.005, 0.0051, 10.0, 10.1):
        latencies.observe(seconds, "door")
    (count,) = latencies.snapshot()
    assert (count.counts[0], count.counts[1], count.counts[11], count.counts[12]) == (1, 1, 1, 1)
    assert count.total == 4
    assert count.sum_s == pytest.approx(20.1101)


def test_names_beyond_the_limit_are_counted_without_a_camera() -> None:
    latencies = LatencyCounters("events")
    for number in range(2 * MAX_CAMERAS):
        latencies.observe(0.1, f"camera-{number}")
    counts = latencies.snapshot()
    assert len(counts) == MAX_CAMERAS + 1
    assert sum(count.total for count in counts) == 2 * MAX_CAMERAS


@pytest.mark.parametrize(("share", "expected"), [(0.5, 0.1), (0.95, 0.145), (1.0, 0.15)])
def test_quantiles_are_linear_within_a_class(share: float, expected: float) -> None:
    counts = [0] * 4 + [50, 50] + [0] * 7
    assert quantile_s(share, counts) == pytest.approx(expected)


def test_what_takes_longer_than_all_bounds_is_said_to_be_at_the_last() -> None:
    assert quantile_s(0.5, [0] * 12 + [3]) == BOUNDS_S[-1]


def test_reports_carry_them_and_refuse_others_classes() -> None:
    latencies = LatencyCounters("worker")
    latencies.observe(0.02)
    stats = StatsReporter("embed", "embed-1", latencies=latencies).make(())
    received, _ = decode(encode(stats))
    assert isinstance(received, Stats)
    assert received == stats
    with pytest.raises(ProtocolError, match="latencies"):
        bad = LatencyCount("worker", "", (1, 2), 0.0)
        values = {field: getattr(stats, field) for field in stats.__dataclass_fields__}
        decode(encode(Stats(**{**values, "latencies": (bad,)})))
