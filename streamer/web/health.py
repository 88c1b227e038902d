"""How the pipeline is: its processes, its cameras, and the account of everything."""

import math
import time
from collections import Counter, OrderedDict, deque
from dataclasses import asdict, dataclass
from typing import Any

from streamer.client.totals import Totals
from streamer.wire.messages import IdentityEvent, Stats
from streamer.wire.timestamps import utc_text

MAX_PROCESSES = 256
MAX_CAMERAS = 1024
_SILENT_S = 5.0
_RECENT_S = 60.0
_MAX_AGES = 600


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process, as it reports of itself. state: running, at fault, ended or silent."""

    name: str
    role: str
    state: str
    fault: str
    restarts: int
    since_utc: str | None
    cpu_s: float
    rates: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class CameraHealth:
    """A camera: frames a second, from capture to event in the last minute, and what it dropped."""

    name: str
    fps: float | None
    latency_ms_p50: float | None
    latency_ms_p95: float | None
    drops: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Health:
    """Everything at one moment."""

    processes: list[Process]
    cameras: list[CameraHealth]
    account: dict[str, dict[str, Any]]


class HealthBook:
    """Reads every process's reports, and how old events are when they are published."""

    def __init__(self) -> None:
        self._totals = Totals()
        self._last: OrderedDict[tuple[str, str], tuple[float, Stats]] = OrderedDict()
        self._starts: Counter[tuple[str, str]] = Counter()
        self._ages: dict[str, deque[tuple[float, float]]] = {}

    def take_stats(self, stats: Stats) -> None:
        """Note a report."""
        self._totals.take(stats)
        process = stats.role, stats.name
        known = self._last.get(process)
        if known is None or known[1].epoch != stats.epoch:
            self._starts[process] += 1
        self._last[process] = time.monotonic(), stats
        self._last.move_to_end(process)
        if len(self._last) > MAX_PROCESSES:
            gone, _ = self._last.popitem(last=False)
            del self._starts[gone]

    def take_event(self, event: IdentityEvent) -> None:
        """Note how long it took."""
        if event.event == "exit":  # it is of a frame that is long past
            return
        if event.camera in self._ages or len(self._ages) < MAX_CAMERAS:
            ages = self._ages.setdefault(event.camera, deque(maxlen=_MAX_AGES))
            ages.append((time.monotonic(), event.age_ms))

    def health(self, cameras: list[str]) -> Health:
        """Return what is known now, of the cameras of the config."""
        processes = [_process(*self._last[each], self._starts[each]) for each in sorted(self._last)]
        account = self._totals.account()
        return Health(
            processes=processes,
            cameras=[self._camera(name) for name in cameras],
            account={
                name: {key: value for key, value in asdict(stage).items() if key != "stage"}
                for name, stage in sorted(account.items())
            },
        )

    def _camera(self, name: str) -> CameraHealth:
        _, stats = self._last.get(("capture", name), (0.0, None))
        since = time.monotonic() - _RECENT_S
        ages = sorted(age for at, age in self._ages.get(name, ()) if at >= since)
        drops: Counter[str] = Counter()
        for stage in stats.stages if stats else ():
            drops.update({f"{stage.stage}: {why}": n for why, n in stage.dropped.items()})
        return CameraHealth(
            name=name,
            fps=stats.rates.get("frames") if stats else None,
            latency_ms_p50=_percentile(ages, 0.50),
            latency_ms_p95=_percentile(ages, 0.95),
            drops=dict(drops),
        )


def _process(at: float, stats: Stats, starts: int) -> Process:
    if stats.final:
        state = "ended"
    elif time.monotonic() - at > _SILENT_S:
        state = "silent"
    else:
        state = "at fault" if stats.fault else "running"
    return Process(
        name=stats.name,
        role=stats.role,
        state=state,
        fault=stats.fault,
        restarts=starts - 1,
        since_utc=_began_utc(stats.epoch),
        cpu_s=stats.cpu_s,
        rates=dict(stats.rates),
    )


def _began_utc(epoch: str) -> str | None:
    """Return when a run began: the second is the beginning of its epoch."""
    try:
        return utc_text(int(epoch[:8], 16) * 1_000_000_000)
    except ValueError:
        return None


def _percentile(ordered: list[float], share: float) -> float | None:
    """Return the smallest value that so large a share is not above; None of nothing."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
