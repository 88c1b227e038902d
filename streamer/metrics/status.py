"""`facestream status`: what is known of a pipeline, as one object and as one line."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from streamer.metrics.judging import Verdict
from streamer.metrics.monitor import Report, Snapshot
from streamer.supervision.process_file import Processes
from streamer.wire.counters import StageCount, add_up
from streamer.wire.latencies import quantile_s


def status_of(verdict: Verdict, snapshot: Snapshot, processes: Processes | None) -> dict[str, Any]:
    """Return everything that is known, in plain types."""
    reports = {report.process: report for report in snapshot.reports}
    told = {one.name: one for one in processes.processes} if processes is not None else {}
    account = add_up([stage for report in snapshot.reports for stage in report.stats.stages])
    return {
        "state": verdict.state,
        "faults": list(verdict.faults),
        "started_utc": processes.started_utc if processes is not None else None,
        "processes": [
            {
                "process": name,
                "state": told[name].state if name in told else None,
                "restarts": told[name].restarts if name in told else None,
                "detail": told[name].detail if name in told else "",
                **_of_report(reports.get(name)),
            }
            for name in dict.fromkeys((*told, *reports))
        ],
        "cameras": [_camera(report) for report in snapshot.reports if report.camera],
        "latency_s": _latencies(snapshot.reports),
        "account": {name: _account(count) for name, count in account.items()},
        "enrolled": snapshot.gallery.people if snapshot.gallery is not None else None,
        "present": {
            camera: {"enrolled": known, "strangers": others}
            for camera, (known, others) in snapshot.present.items()
        },
    }


def line_of(status: dict[str, Any]) -> str:
    """Say it in one line."""
    if status["state"] != "well":
        return f"{status['state']}: {'; '.join(status['faults'])}"
    cameras = [
        f"{each['camera']} {each['frames_per_s']:.1f} frames/s"
        if each["state"] == "running"
        else f"{each['camera']} {each['state']}"
        for each in status["cameras"]
    ]
    parts = [f"{len(status['processes'])} processes", *cameras]
    named = status["latency_s"].get("events")
    if named is not None:
        parts.append(f"names after {named['p50'] * 1000:.0f} ms, 95 % in {named['p95'] * 1000:.0f}")
    crops = status["account"].get("crops")
    if crops is not None and crops["received"]:
        lost = sum(crops["dropped"].values())
        parts.append(f"{lost} of {crops['received']} crops dropped")
    restarts = sum(each["restarts"] or 0 for each in status["processes"])
    if restarts:
        parts.append(f"{restarts} restarts")
    return f"well: {', '.join(parts)}"


def _of_report(report: Report | None) -> dict[str, Any]:
    if report is None:
        return {"silent_s": None, "cpu_s": None, "rates": {}, "fault": ""}
    return {
        "silent_s": round(report.silent_s, 1),
        "cpu_s": round(report.stats.cpu_s, 1),
        "rates": {stage: round(rate, 1) for stage, rate in report.stats.rates.items()},
        "fault": report.stats.fault,
    }


def _camera(report: Report) -> dict[str, Any]:
    state = report.stats.camera_state
    return {
        "camera": report.camera,
        "state": state.state if state is not None else None,
        "detail": state.detail if state is not None else "",
        "frames_per_s": round(report.stats.rates.get("frames", 0.0), 1),
    }


def _latencies(reports: Sequence[Report]) -> dict[str, dict[str, float | int | None]]:
    """Return quantiles of each stage since its processes began, in seconds."""
    sums: dict[str, list[int]] = defaultdict(list)
    for report in reports:
        for latency in report.stats.latencies:
            before = sums[latency.stage] or [0] * len(latency.counts)
            sums[latency.stage] = [a + b for a, b in zip(before, latency.counts, strict=True)]
    return {
        stage: {
            "count": sum(counts),
            "p50": quantile_s(0.5, counts),
            "p95": quantile_s(0.95, counts),
        }
        for stage, counts in sums.items()
        if any(counts)
    }


def _account(count: StageCount) -> dict[str, Any]:
    return {
        "received": count.received,
        "forwarded": count.forwarded,
        "pending": count.pending,
        "dropped": count.dropped,
    }
