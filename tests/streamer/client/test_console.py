"""What the display prints, on a console that is a file."""

import io
from dataclasses import replace

from rich.console import Console

from streamer.client.console import Display
from streamer.supervision.child import ProcessStatus
from streamer.wire.messages import CorrectionEvent
from tests.streamer.client.test_totals import report


def test_brackets_are_text_and_no_markup() -> None:
    written = io.StringIO()
    Display(Console(file=written, width=200)).line("pip install 'facestream[openvino]' [bold]")
    assert written.getvalue() == "pip install 'facestream[openvino]' [bold]\n"


def test_a_process_that_is_waited_for_is_shown_and_one_that_runs_again_is_not() -> None:
    written = io.StringIO()
    console = Console(file=written, width=200)
    display = Display(console)
    status = {"role": "capture", "failures": 3, "retry_in_s": 1.5, "detail": "exit code 3"}
    display.take_processes([ProcessStatus(name="capture-a", state="backing off", **status)])  # type: ignore[arg-type]
    console.print(display.cameras_table())
    assert "capture-a" in written.getvalue()
    assert "backing off: exit code 3" in written.getvalue()
    display.take_processes([ProcessStatus(name="capture-a", state="running", **status)])  # type: ignore[arg-type]
    written.truncate(0)
    console.print(display.cameras_table())
    assert "capture-a" not in written.getvalue()


class Bench:
    """A display whose clock is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        console = Console(file=io.StringIO(), width=200)
        self.display = Display(console, clock=lambda: self.now)

    def rows(self) -> list[tuple[str, str, str]]:
        """Process, state and crops of each row."""
        cells = [list(column.cells) for column in self.display.cameras_table().columns]
        return [
            (str(name), str(state), str(crops))
            for name, state, crops in zip(cells[0], cells[1], cells[3], strict=True)
        ]


def test_workers_of_two_hosts_with_one_name_have_a_row_each() -> None:
    bench = Bench()
    for _ in range(10):
        bench.display.take(report("here", 3))
        bench.display.take(report("there", 5))
        bench.now += 1
    assert bench.rows() == [("embed", "", "3.0"), ("embed", "", "5.0")]
    assert bench.display.account()["worker"].received == 8


def test_a_run_that_was_replaced_has_no_row_and_one_that_is_missed_has() -> None:
    bench = Bench()
    bench.display.take(report("first", 3, "door", "capture"))
    bench.now += 6
    assert [state for _, state, _ in bench.rows()] == ["no report"]
    bench.display.take(report("second", 4, "door", "capture", final=True))
    assert [state for _, state, _ in bench.rows()] == [""]
    bench.display.take(report("third", 5, "door", "capture"))
    assert len(bench.rows()) == 1
    bench.now += 3600
    bench.display.take(report("a", 1, "host-1"))
    assert [name for name, _, _ in bench.rows()] == ["capture door", "embed host-1"]
    assert bench.display.account()["worker"].received == 3 + 4 + 5 + 1


def test_workers_that_have_gone_leave_no_rows() -> None:
    bench = Bench()
    for number in range(20):
        bench.display.take(report(f"run-{number}", 1, f"host-{number}"))
        bench.now += 30
    bench.display.take(report("last", 1, "host-99", final=True))
    names = [name for name, _, _ in bench.rows()]
    assert names == ["embed host-18", "embed host-19"]
    assert bench.display.account()["worker"].received == 21


def test_what_a_user_says_of_people_is_a_line() -> None:
    written = io.StringIO()
    display = Display(Console(file=written, width=200))
    named = CorrectionEvent(
        correction="name", id=1, before="unknown-7", identity="Zoë", track=None, made_utc="t"
    )
    display.take(named)
    display.take(replace(named, correction="not", before="Bob", identity=None, track="e-3"))
    assert written.getvalue() == "unknown-7 is Zoë\ntrack e-3 was not Bob\n"
