"""What the display prints, on a console that is a file."""

import io

from rich.console import Console

from streamer.client.console import Display
from streamer.runtime.child import ProcessStatus


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
