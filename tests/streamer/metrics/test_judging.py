from pathlib import Path

import pytest

from streamer.metrics.judging import judge, waits_for
from streamer.metrics.monitor import FORGET_S, SILENT_S, Monitor, Snapshot
from streamer.metrics.status import line_of, status_of
from streamer.supervision.child import State
from streamer.wire.latencies import LatencyCounters
from streamer.wire.messages import CameraState, GalleryEvent
from tests.streamer.metrics.made import config_in, everybody, processes, stats


class Bench:
    """A monitor whose clock is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.monitor = Monitor(clock=lambda: self.now)

    def hear(self, *messages: object) -> Snapshot:
        for message in messages:
            self.monitor.take(message)
        return self.monitor.snapshot()


def test_where_nothing_is_heard_and_nothing_runs_no_pipeline_runs(folder: Path) -> None:
    verdict = judge(Snapshot(), None, config_in(folder))
    assert (verdict.state, verdict.exit_code) == ("not running", 2)


def test_a_pipeline_of_which_all_is_heard_is_well(folder: Path) -> None:
    bench, config = Bench(), config_in(folder)
    assert waits_for(bench.hear(*everybody()), processes(), config)  # for who is enrolled
    heard = bench.hear(GalleryEvent(version="000001", fingerprint="f", weights="w", people=2))
    assert judge(heard, processes(), config).exit_code == 0
    assert judge(heard, None, config).state == "well"  # its supervisor is elsewhere, or nowhere
    assert not waits_for(heard, processes(), config)
    line = line_of(status_of(judge(heard, processes(), config), heard, processes()))
    assert line == "well: 7 processes, door 0.0 frames/s, 1 restarts"


@pytest.mark.parametrize("state", ["starting", "backing off", "given up"])
def test_a_process_that_does_not_run_is_named(folder: Path, state: State) -> None:
    verdict = judge(Bench().hear(*everybody()), processes(view=state), config_in(folder))
    assert (verdict.state, verdict.exit_code) == ("degraded", 1)
    assert verdict.faults == (f"view: {state}, ended with signal 9",)


def test_without_identify_nobody_is_blamed_for_silence(folder: Path) -> None:
    verdict = judge(Snapshot(), processes(identify="backing off"), config_in(folder))
    assert verdict.faults == ("identify: backing off, ended with signal 9",)


def test_a_process_that_runs_and_is_silent_is_named(folder: Path) -> None:
    bench, config = Bench(), config_in(folder)
    heard = bench.hear(*(each for each in everybody() if each.role != "dispatch"))
    assert waits_for(heard, processes(), config)
    assert judge(heard, processes(), config).faults == ("dispatch: it does not report",)
    assert judge(heard, None, config).faults == ("dispatch: it does not report",)
    bench.now += SILENT_S + 1
    assert len(judge(bench.hear(), processes(), config).faults) == 7
    assert judge(bench.hear(), None, config).state == "not running"


def test_what_processes_and_cameras_say_of_themselves_is_told(folder: Path) -> None:
    bench, config = Bench(), config_in(folder)
    heard = bench.hear(
        *everybody(),
        stats("history", fault="the disk is full"),
        stats("capture", "door", camera_state=CameraState("retrying", "no route")),
    )
    verdict = judge(heard, processes(), config)
    assert set(verdict.faults) == {"history: the disk is full", "camera door: retrying no route"}
    assert line_of(status_of(verdict, heard, processes())).startswith("degraded: ")


def test_a_recording_that_has_ended_is_no_fault(folder: Path) -> None:
    bench = Bench()
    ended = stats("capture", "door", camera_state=CameraState("ended"), final=True)
    heard = bench.hear(*everybody(), ended)
    assert judge(heard, processes(capture_door="ended"), config_in(folder)).state == "well"


def test_runs_that_are_over_are_forgotten_and_two_at_a_time_are_both_known() -> None:
    bench = Bench()
    heard = bench.hear(stats("embed", "embed-1"), stats("embed", "embed-1", epoch="2"))
    assert len(heard.reports) == 2
    bench.now += SILENT_S + 1
    heard = bench.hear(stats("embed", "embed-1", epoch="2"))
    assert [report.stats.epoch for report in heard.reports] == ["2"]
    bench.now += FORGET_S + 1
    assert bench.hear() == Snapshot()


def test_the_line_of_a_pipeline_that_names_people_says_how_fast(folder: Path) -> None:
    latencies = LatencyCounters("events")
    for _ in range(100):
        latencies.observe(0.07, "door")
    heard = Bench().hear(*everybody(), stats("identify", latencies=latencies.snapshot()))
    told = status_of(judge(heard, None, config_in(folder)), heard, None)
    assert "names after 75 ms, 95 % in 98" in line_of(told)
    assert told["latency_s"]["events"]["count"] == 100
