"""From what processes report to Prometheus's metrics, by its rules for names and units.

Counters begin anew with their process, which `rate()` knows how to take. `process` is the name that
`facestream run` shows: a target's own `instance` is Prometheus's to give.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from streamer.metrics.monitor import Report, Snapshot
from streamer.supervision.process_file import Processes
from streamer.wire.latencies import BOUNDS_S

CAMERA_STATES = ("opening", "running", "stalled", "retrying", "ended", "stopped")
PROCESS_STATES = ("waiting", "starting", "running", "backing off", "ended", "given up")
_OF_A_STAGE = ["stage", "process", "camera"]
_Key = tuple[str, str, str]


class PipelineCollector(Collector):
    """What a registry of `prometheus_client` collects from; each scrape asks both functions."""

    def __init__(
        self, snapshot: Callable[[], Snapshot], processes: Callable[[], Processes | None]
    ) -> None:
        self._snapshot = snapshot
        self._processes = processes

    def collect(self) -> Iterable[Metric]:
        """Return all metrics as they are now."""
        return families(self._snapshot(), self._processes())


def families(snapshot: Snapshot, processes: Processes | None) -> Iterator[Metric]:
    """Yield every metric of a pipeline."""
    yield InfoMetricFamily("facestream_build", "Version", {"version": version("facestream")})
    yield from _accounts(snapshot.reports)
    yield _latencies(snapshot.reports)
    yield from _reports(snapshot.reports)
    yield _cameras(snapshot.reports)
    yield from _people(snapshot)
    yield from _processes(processes)


def _accounts(reports: Iterable[Report]) -> Iterator[Metric]:
    """Yield the account of every stage: received = forwarded + pending + dropped."""
    sums: dict[str, dict[_Key, int]] = {name: defaultdict(int) for name in ("r", "f", "p")}
    dropped: dict[tuple[str, ...], int] = defaultdict(int)
    for report in reports:
        for stage in report.stats.stages:
            key = stage.stage, report.process, report.camera
            sums["r"][key] += stage.received
            sums["f"][key] += stage.forwarded
            sums["p"][key] += stage.pending
            for reason, count in stage.dropped.items():
                dropped[*key, reason] += count
    received = CounterMetricFamily(
        "facestream_received", "What came into a stage", labels=_OF_A_STAGE
    )
    forwarded = CounterMetricFamily(
        "facestream_forwarded", "What a stage passed on", labels=_OF_A_STAGE
    )
    pending = GaugeMetricFamily("facestream_pending", "What a stage holds", labels=_OF_A_STAGE)
    for family, counts in ((received, "r"), (forwarded, "f"), (pending, "p")):
        for labels, count in sums[counts].items():
            family.add_metric(labels, count)
    lost = CounterMetricFamily(
        "facestream_dropped", "What a stage dropped, and why", labels=[*_OF_A_STAGE, "reason"]
    )
    for key_and_reason, count in dropped.items():
        lost.add_metric(key_and_reason, count)
    yield from (received, forwarded, pending, lost)


def _latencies(reports: Iterable[Report]) -> Metric:
    counts: dict[_Key, list[int]] = {}
    sums: dict[_Key, float] = defaultdict(float)
    for report in reports:
        for latency in report.stats.latencies:
            key = latency.stage, report.process, latency.camera
            before = counts.get(key, [0] * len(latency.counts))
            counts[key] = [a + b for a, b in zip(before, latency.counts, strict=True)]
            sums[key] += latency.sum_s
    family = HistogramMetricFamily(
        "facestream_latency_seconds",
        "From a frame's capture until the stage passed on what came of it; of worker, a batch",
        labels=_OF_A_STAGE,
    )
    bounds = [*map(str, BOUNDS_S), "+Inf"]
    for key, classes in counts.items():
        up_to = [sum(classes[: index + 1]) for index in range(len(classes))]
        family.add_metric(key, list(zip(bounds, up_to, strict=True)), sums[key])
    return family


def _reports(reports: Iterable[Report]) -> Iterator[Metric]:
    cpu = CounterMetricFamily(
        "facestream_cpu_seconds", "CPU time that a process has used", labels=["process"]
    )
    age = GaugeMetricFamily(
        "facestream_report_age_seconds", "Since a process reported last", labels=["process"]
    )
    fault = GaugeMetricFamily(
        "facestream_fault", "1 while something keeps a process from its work", labels=["process"]
    )
    seconds: dict[str, float] = defaultdict(float)
    ages: dict[str, float] = {}
    faults: dict[str, bool] = defaultdict(bool)
    for report in reports:
        seconds[report.process] += report.stats.cpu_s
        ages[report.process] = min(report.silent_s, ages.get(report.process, report.silent_s))
        faults[report.process] |= bool(report.stats.fault)
    for process in seconds:
        cpu.add_metric([process], seconds[process])
        age.add_metric([process], ages[process])
        fault.add_metric([process], int(faults[process]))
    yield from (cpu, age, fault)


def _cameras(reports: Iterable[Report]) -> Metric:
    family = GaugeMetricFamily(
        "facestream_camera_state", "1 for the state that a camera is in", labels=["camera", "state"]
    )
    states = {
        report.camera: report.stats.camera_state.state
        for report in reports
        if report.stats.camera_state is not None
    }
    for camera, now in states.items():
        for state in CAMERA_STATES:
            family.add_metric([camera, state], int(state == now))
    return family


def _people(snapshot: Snapshot) -> Iterator[Metric]:
    present = GaugeMetricFamily(
        "facestream_present", "How many people a camera sees", labels=["camera", "kind"]
    )
    for camera, (known, others) in snapshot.present.items():
        present.add_metric([camera, "enrolled"], known)
        present.add_metric([camera, "stranger"], others)
    yield present
    if snapshot.gallery is not None:
        yield GaugeMetricFamily(
            "facestream_enrolled", "How many people are enrolled", snapshot.gallery.people
        )


def _processes(processes: Processes | None) -> Iterator[Metric]:
    """Yield what the supervisor says; nothing where it runs on another host, or not at all."""
    if processes is None:
        return
    restarts = CounterMetricFamily(
        "facestream_restarts", "How often a process was started again", labels=["process"]
    )
    states = GaugeMetricFamily(
        "facestream_process_state",
        "1 for the state that a process is in",
        labels=["process", "state"],
    )
    for one in processes.processes:
        restarts.add_metric([one.name], one.restarts)
        for state in PROCESS_STATES:
            states.add_metric([one.name, state], int(state == one.state))
    yield from (restarts, states)
