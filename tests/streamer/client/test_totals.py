from typing import Literal

from streamer.client.totals import Totals
from streamer.wire.counters import StageCount
from streamer.wire.messages import Stats


def report(
    run: str,
    received: int,
    name: str = "embed",
    role: Literal["capture", "embed"] = "embed",
    final: bool = False,
) -> Stats:
    stages = (StageCount("worker", received, received - 1, 0, {"dispatch_gone": 1}),)
    return Stats(
        role=role, name=name, epoch=run, sent_utc="t", stages=stages,
        rates={"worker": float(received)}, cpu_s=1.5, final=final,
    )  # fmt: skip


def test_before_the_first_report_there_is_nothing() -> None:
    assert Totals().account() == {}


def test_a_restarted_process_adds_to_what_it_had_done() -> None:
    totals = Totals()
    for stats in (report("a", 5), report("a", 10), report("b", 2), report("b", 3, final=True)):
        totals.take(stats)
    assert totals.account()["worker"] == StageCount("worker", 13, 11, 0, {"dispatch_gone": 2})


def test_two_workers_of_one_name_that_report_in_turn_are_each_counted_once() -> None:
    totals = Totals()
    for second in range(1, 50):
        totals.take(report("here", 10 * second))
        totals.take(report("there", 20 * second))
    assert totals.account()["worker"].received == 490 + 980


def test_restarts_for_months_are_all_counted_and_take_no_more_memory() -> None:
    totals = Totals(max_runs=10)
    for number in range(1000):
        totals.take(report(f"run-{number}", 7))
        totals.take(report("steady", number + 1, name="other"))
    count = totals.account()["worker"]
    assert (count.received, count.unaccounted) == (8000, 0)
    assert len(totals._runs) == 10
