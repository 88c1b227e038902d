from streamer.wire.counters import Account, StageCount, add_up


def test_an_untouched_account_is_empty_and_whole() -> None:
    count = Account("crops").snapshot()
    assert count == StageCount("crops")
    assert count.missing == 0


def test_what_is_unexplained_is_missing() -> None:
    account = Account("crops")
    account.receive(10)
    account.pass_on(6)
    account.drop("expired", 2)
    account.drop("nothing", 0)
    assert account.snapshot(pending=1).missing == 1
    assert account.snapshot().dropped == {"expired": 2}


def test_processes_add_up_by_stage() -> None:
    one = StageCount("frames", 5, 3, 0, {"superseded": 2})
    two = StageCount("frames", 7, 6, 1, {})
    assert add_up([]) == {}
    assert add_up([one, two])["frames"] == StageCount("frames", 12, 9, 1, {"superseded": 2})
