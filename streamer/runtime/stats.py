"""A process's report about itself, once a second: its account, rates and CPU time."""

import time
from collections.abc import Callable, Iterable

import zmq

from streamer.bus.sockets import Socket, try_send
from streamer.wire.codec import encode
from streamer.wire.counters import StageCount
from streamer.wire.epochs import new_epoch
from streamer.wire.latencies import LatencyCounters
from streamer.wire.messages import CameraState, Role, Stats
from streamer.wire.timestamps import utc_text

REPORT_SECONDS = 1.0
FINAL_TIMEOUT_MS = 1000


class StatsReporter:
    """Makes `Stats` messages and sends them to identify.

    `fault` is what keeps the process from doing its work, for people; "" while nothing does.
    `latencies` are how long its work took.
    """

    def __init__(
        self,
        role: Role,
        name: str,
        ingest: Socket | None = None,
        *,
        epoch: str = "",
        latencies: LatencyCounters | None = None,
    ) -> None:
        self._role = role
        self._name = name
        self._ingest = ingest
        self._epoch = epoch or new_epoch()
        self._latencies = latencies
        self.fault = ""
        self._last = time.monotonic()
        self._passed: dict[str, int] = {}
        self._rates: dict[str, float] = {}

    def due(self) -> bool:
        """Return whether a second has passed since the last report."""
        return time.monotonic() - self._last >= REPORT_SECONDS

    def make(
        self,
        stages: Iterable[StageCount],
        camera_state: CameraState | None = None,
        final: bool = False,
    ) -> Stats:
        """Make a report; rates are what each stage forwarded a second since the last one."""
        stages = tuple(stages)
        now = time.monotonic()
        elapsed = now - self._last
        if elapsed > 0.2 or not self._rates:
            self._rates = {
                stage.stage: (stage.forwarded - self._passed.get(stage.stage, 0))
                / max(elapsed, 1e-3)
                for stage in stages
            }
        self._passed = {stage.stage: stage.forwarded for stage in stages}
        self._last = now
        return Stats(
            role=self._role,
            name=self._name,
            epoch=self._epoch,
            sent_utc=utc_text(time.time_ns()),
            stages=stages,
            rates=dict(self._rates),
            cpu_s=time.process_time(),
            camera_state=camera_state,
            fault=self.fault,
            final=final,
            latencies=self._latencies.snapshot() if self._latencies else (),
        )

    def tick(
        self, stages: Callable[[], Iterable[StageCount]], camera_state: CameraState | None = None
    ) -> None:
        """Send a report if one is due."""
        if self.due():
            self.send(stages(), camera_state)

    def send(
        self,
        stages: Iterable[StageCount],
        camera_state: CameraState | None = None,
        final: bool = False,
    ) -> None:
        """Send a report; a final one may wait a moment for room."""
        if self._ingest is None:
            return
        parts = encode(self.make(stages, camera_state, final))
        if (
            not try_send(self._ingest, parts)
            and final
            and self._ingest.poll(FINAL_TIMEOUT_MS, zmq.POLLOUT)
        ):
            try_send(self._ingest, parts)
