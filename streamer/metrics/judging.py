"""Whether a pipeline is well, and one clear line for each thing that is not."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from streamer.config.sections import Config
from streamer.metrics.monitor import Report, Snapshot
from streamer.supervision.child import ProcessStatus
from streamer.supervision.process_file import Processes

IDENTIFY = "identify"
State = Literal["well", "degraded", "not running"]
EXIT_CODES: dict[State, int] = {"well": 0, "degraded": 1, "not running": 2}


@dataclass(frozen=True)
class Verdict:
    """How a pipeline is; `faults` say why it is not well, for people."""

    state: State
    faults: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 well, 1 degraded, 2 not running: as monitors have it."""
        return EXIT_CODES[self.state]


def judge(snapshot: Snapshot, processes: Processes | None, config: Config) -> Verdict:
    """Judge what was heard, and what a run's supervisor says, where one is on this host.

    Without it, the config says which processes there must be, if only somewhere.
    """
    if processes is None and not snapshot.heard:
        return Verdict("not running", (f"no pipeline runs in {config.data_path}",))
    told = processes.processes if processes is not None else ()
    faults = [*_not_running(told), *_silent(snapshot.reports, told, config)]
    for report in snapshot.reports:
        if report.fresh and report.stats.fault:
            faults.append(f"{report.process}: {report.stats.fault}")
        state = report.stats.camera_state
        if state is not None and report.fresh and state.state not in ("running", "ended"):
            faults.append(f"camera {report.camera}: {state.state} {state.detail}".rstrip())
    return Verdict("degraded" if faults else "well", tuple(faults))


def waits_for(snapshot: Snapshot, processes: Processes | None, config: Config) -> bool:
    """Tell whether a report is still to come from a process that runs, or the gallery's."""
    told = processes.processes if processes is not None else ()
    identify = any(one.process == IDENTIFY and one.fresh for one in snapshot.reports)
    gallery_to_come = identify and snapshot.gallery is None
    return gallery_to_come or bool(_silent(snapshot.reports, told, config))


def _not_running(told: Iterable[ProcessStatus]) -> list[str]:
    return [
        f"{one.name}: {one.state}" + (f", {one.detail}" if one.detail else "")
        for one in told
        if one.state not in ("running", "ended")
    ]


def _silent(
    reports: Iterable[Report], told: tuple[ProcessStatus, ...], config: Config
) -> list[str]:
    """Return a line for each process that should report and does not."""
    reporting = {report.process for report in reports if report.fresh}
    if told:
        running = [one.name for one in told if one.state == "running"]
        if IDENTIFY not in running:  # which publishes the reports of all
            return []
    else:
        running = [name for name in _wanted(config) if name not in reporting]
        if not any(report.stats.role == "embed" and report.fresh for report in reports):
            running.append("embed")
    return [f"{name}: it does not report" for name in running if name not in reporting]


def _wanted(config: Config) -> list[str]:
    """Return the processes that there must be, but for workers, whose names nobody knows."""
    return [
        IDENTIFY,
        "dispatch",
        *(["history"] if config.history.enabled else []),
        *(["control"] if config.control.enabled else []),
        *(f"capture-{camera}" for camera in config.cameras),
    ]
