from streamer.wire.counters import StageCount, StageCounters, add_up


def test_an_untouched_account_is_empty_and_whole() -> None:
    count = StageCounters("crops").snapshot()
    assert count == StageCount("crops")
    assert count.unaccounted == 0


def test_what_is_unexplained_is_missing() -> None:
    account = StageCounters("crops")
    account.receive(10)
    account.forward(6)
    account.drop("expired", 2)
    account.drop("nothing", 0)
    assert account.snapshot(pending=1).unaccounted == 1
    assert account.snapshot().dropped == {"expired": 2}


def test_processes_add_up_by_stage() -> None:
    one = StageCount("frames", 5, 3, 0, {"superseded": 2})
    two = StageCount("frames", 7, 6, 1, {})
    assert add_up([]) == {}
    assert add_up([one, two])["frames"] == StageCount("frames", 12, 9, 1, {"superseded": 2})
