"""The supervisor with real processes that misbehave, on a clock of the test's own."""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from streamer.config.sections import SuperviseConfig
from streamer.errors import FacestreamError
from streamer.supervision.child import ProcessSpec, ProcessStatus
from streamer.supervision.supervisor import STOP_SECONDS, Supervisor, back_off_s, stage_ends

CHILDREN = str(Path(__file__).with_name("children.py"))
RULES = SuperviseConfig(
    start_timeout_s=3600.0, heartbeat_timeout_s=600.0, back_off_max_s=2.0, back_off_reset_s=60.0
)
GENEROUS_S = 240.0


def core(name: str, behaviour: str = "serve", stop_order: int = 1) -> ProcessSpec:
    return ProcessSpec(name=name, role=name, stop_order=stop_order, arguments=(behaviour,))


def camera(name: str, behaviour: str = "serve") -> ProcessSpec:
    return ProcessSpec(
        name=name, role="capture", stop_order=0, arguments=(behaviour,), may_end=True
    )


class Run:
    """A supervisor whose clock goes forward only in its turns, and only while `ticking`."""

    def __init__(self, *specs: ProcessSpec, command: tuple[str, ...] = ()) -> None:
        self.lines: list[str] = []
        self.now = 1000.0
        self.stop_when: Callable[[], bool] = lambda: False
        self.ticking: Callable[[], bool] = lambda: True
        self._until = time.monotonic() + GENEROUS_S
        self.supervisor = Supervisor(
            specs=specs,
            rules=RULES,
            command=command or (sys.executable, CHILDREN),
            on_line=lambda name, line: self.lines.append(f"{name}: {line}"),
            also=self._turn,
            clock=lambda: self.now,
        )

    def _turn(self, timeout_s: float) -> None:
        time.sleep(0.005)
        if self.ticking():
            self.now += timeout_s
        if self.stop_when():
            self.supervisor.request_stop()
        assert time.monotonic() < self._until, self.lines

    def said(self, line: str) -> bool:
        return line in self.lines

    def pids(self, name: str) -> list[int]:
        start = f"{name}: pid "
        return [int(line[len(start) :]) for line in self.lines if line.startswith(start)]

    def status(self, name: str) -> ProcessStatus:
        return next(one for one in self.supervisor.status() if one.name == name)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The supervisor installs its own; they go with the test."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("bad", [camera("bad", "crash"), core("bad", "crash")])
def test_a_process_that_keeps_failing_backs_off_alone(bad: ProcessSpec) -> None:
    run = Run(core("dispatch"), bad, camera("good"))
    run.stop_when = lambda: run.status("bad").failures >= 6 and bool(run.pids("good"))
    run.supervisor.run()
    assert len(run.pids("good")) == len(run.pids("dispatch")) == 1
    pauses = [float(line.split()[-2]) for line in run.lines if "started again in" in line]
    assert pauses[:5] == [0.25, 0.5, 1.0, 2.0, 2.0]
    assert "bad: ended with exit code 3; it is started again in 0.25 s" in run.lines
    assert "bad: ended with exit code 3, failure 2 in a row; it is started again in 0.5 s" in (
        run.lines
    )


@pytest.mark.parametrize("behaviour", ["misconfigured", "crash"])
def test_nothing_waits_for_what_is_optional_and_a_run_goes_on_without_it(behaviour: str) -> None:
    optional = replace(core("web", behaviour), optional=True)
    run = Run(core("dispatch"), optional, camera("good"))
    over = {"misconfigured": "given up", "crash": "backing off"}[behaviour]
    run.stop_when = lambda: run.status("web").state == over and bool(run.pids("good"))
    run.supervisor.run()
    assert len(run.pids("good")) == len(run.pids("dispatch")) == 1
    told = "web: cannot run as it is configured and is given up"
    assert run.said(told) == (behaviour == "misconfigured")


def test_its_state_tells_of_it() -> None:
    run = Run(core("dispatch"), camera("good"), camera("bad", "crash"))
    seen: dict[str, ProcessStatus] = {}

    def look() -> bool:
        seen.setdefault(run.status("bad").state, run.status("bad"))
        return "backing off" in seen and bool(run.pids("good"))

    run.stop_when = look
    run.supervisor.run()
    assert {"waiting", "starting", "backing off"} <= set(seen)
    told = seen["backing off"]
    assert (told.role, told.failures, told.detail) == ("capture", 1, "ended with exit code 3")
    assert 0 < told.retry_in_s <= RULES.back_off_max_s


def test_one_that_ran_well_for_a_while_begins_again_with_a_short_pause() -> None:
    run = Run(camera("door"))
    began = 0.0

    def kill_after_a_while() -> bool:
        nonlocal began
        if run.status("door").state != "running":
            began = run.now
        early = len(run.pids("door")) < 3
        if run.now - began > (1.0 if early else RULES.back_off_reset_s + 1):
            os.kill(run.pids("door")[-1], signal.SIGKILL)
            began = run.now + 1000  # once
        return len(run.pids("door")) == 4

    run.stop_when = kill_after_a_while
    run.supervisor.run()
    assert [line for line in run.lines if "signal 9" in line] == [
        "door: ended with signal 9; it is started again in 0.25 s",
        "door: ended with signal 9, failure 2 in a row; it is started again in 0.5 s",
        "door: ended with signal 9; it is started again in 0.25 s",
    ]


def test_a_camera_that_cannot_run_is_given_up_alone() -> None:
    run = Run(core("dispatch"), camera("bad", "misconfigured"), camera("good"))
    run.stop_when = lambda: run.status("bad").state == "given up" and run.now > 1010
    run.supervisor.run()
    assert len(run.pids("bad")) == 1
    assert len(run.pids("good")) == 1
    assert run.status("bad").detail == "the cascade cannot be read"
    assert run.said("bad: cannot run as it is configured and is given up")


def test_a_run_without_a_camera_that_can_run_is_a_mistake() -> None:
    run = Run(core("dispatch"), camera("a", "misconfigured"), camera("b", "misconfigured"))
    with pytest.raises(FacestreamError, match="no camera can run as it is configured: a, b"):
        run.supervisor.run()
    assert run.said("dispatch: flushed")


def test_cameras_that_have_ended_end_the_run() -> None:
    run = Run(core("dispatch"), camera("a", "end"), camera("b", "end"))
    run.supervisor.run()
    assert run.said("dispatch: flushed")
    assert {one.state for one in run.supervisor.status()} == {"ended"}


def test_another_process_that_cannot_run_ends_the_run_with_its_line() -> None:
    run = Run(core("dispatch", "misconfigured"), core("identify"), camera("door"))
    with pytest.raises(
        FacestreamError, match=r"^dispatch cannot run as it is configured: the cascade cannot"
    ):
        run.supervisor.run()
    assert len(run.pids("dispatch")) == 1


def test_a_system_without_room_for_a_process_is_waited_for() -> None:
    run = Run(core("dispatch"), camera("door"), command=("/no/such/program",))
    run.stop_when = lambda: run.status("dispatch").failures >= 3
    run.supervisor.run()
    assert any("could not be started" in line for line in run.lines)


def test_last_words_are_heard_after_the_end() -> None:
    run = Run(camera("door", "abort"))
    run.ticking = lambda: run.said("door: last words") or not run.pids("door")
    run.stop_when = lambda: run.status("door").failures >= 1
    run.supervisor.run()
    words = run.lines.index("door: last words")
    assert words < run.lines.index("door: ended with signal 6; it is started again in 0.25 s")


def test_a_stop_keeps_to_its_time_and_leaves_the_last_stage_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = Run(core("identify", stop_order=3), core("hung", "hang", 1), camera("door"))
    states = ("identify", "hung", "door")
    asked = killed = 0.0

    def all_run() -> bool:
        nonlocal asked, killed
        if not asked and all(run.status(name).state == "running" for name in states):
            asked = run.now
        if caplog.records and not killed:
            killed = run.now
        return bool(asked)

    run.stop_when = all_run
    # Only what hangs makes time pass: how fast the others are is the machine's affair.
    run.ticking = lambda: not asked or (run.said("door: flushed") and not caplog.records)
    with caplog.at_level(logging.WARNING):
        run.supervisor.run()
    assert [record.getMessage() for record in caplog.records] == [
        "hung did not stop in time and is killed"
    ]
    assert run.said("identify: flushed")
    assert run.lines.index("door: flushed") < run.lines.index("identify: flushed")
    assert killed - asked <= STOP_SECONDS - 1.5 + 0.1
    assert run.now - asked <= 5.0


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, []), (1, [4.5]), (2, [3.0, 4.5]), (3, [2.5, 3.0, 4.5]), (5, [1.5, 2.0, 2.5, 3.0, 4.5])],
)
def test_each_stage_of_a_stop_leaves_time_to_the_later_ones(
    count: int, expected: list[float]
) -> None:
    assert stage_ends(0.0, count) == expected


@pytest.mark.parametrize(
    ("failures", "expected"), [(0, 0.25), (1, 0.5), (3, 2.0), (8, 60.0), (10_000, 60.0)]
)
def test_pauses_double_up_to_the_longest(failures: int, expected: float) -> None:
    assert back_off_s(failures, 60.0) == expected
