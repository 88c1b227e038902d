import pytest

from streamer.dispatch.pool import WorkerPool, shares
from tests.streamer.dispatch.test_queue import crop


@pytest.mark.parametrize(
    ("waiting", "capacities", "expected"),
    [
        (0, [], []),
        (5, [], []),
        (0, [32, 32], [0, 0]),
        (1, [32, 32, 32], [1, 0, 0]),
        (12, [32, 32, 32], [4, 4, 4]),
        (13, [32, 32, 32], [5, 4, 4]),
        (100, [32, 32], [32, 32]),
        (12, [2, 32, 32], [2, 5, 5]),
        (12, [32, 32, 2], [4, 4, 2]),
    ],
)
def test_what_waits_is_shared_evenly(
    waiting: int, capacities: list[int], expected: list[int]
) -> None:
    assert shares(waiting, capacities) == expected


def test_a_worker_is_idle_or_has_a_batch() -> None:
    pool = WorkerPool(timeout_s=10)
    assert pool.idle(0) == []
    pool.ready(b"a", 8, now=0)
    pool.ready(b"b", 4, now=0)
    assert pool.idle(0) == [(b"a", 8), (b"b", 4)]
    number = pool.next_number()
    pool.gave(number, b"a", [crop(1, 1), crop(2, 1)], now=0)
    pool.ready(b"a", 8, now=1)  # it asked before the batch came
    assert pool.idle(1) == [(b"b", 4)]
    assert (pool.busy(), pool.held) == ({b"a"}, 2)
    for wrong in ((number + 1, b"a", 2), (number, b"b", 2), (number, b"a", 3)):
        assert pool.finish(*wrong) is None
    assert pool.finish(number, b"a", 2) == [crop(1, 1), crop(2, 1)]
    assert pool.finish(number, b"a", 2) is None
    assert (pool.busy(), pool.held) == (set(), 0)


def test_a_worker_that_is_silent_or_gone_has_nothing_any_more() -> None:
    pool = WorkerPool(timeout_s=10)
    pool.ready(b"a", 8, now=0)
    assert pool.idle(6) == []
    for worker in (b"a", b"b"):
        pool.gave(pool.next_number(), worker, [crop(1, 1)], now=0)
    assert pool.take_lost((), now=10) == []
    assert [out.worker for out in pool.take_lost([b"b", b"c"], now=10)] == [b"b"]
    assert [out.worker for out in pool.take_lost((), now=10.1)] == [b"a"]
    assert (pool.clear(), pool.held) == (0, 0)
