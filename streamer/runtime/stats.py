"""A process's report about itself, once a second: its account, rates and CPU time."""

import os
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Literal

import zmq

from streamer.wire.counters import StageCount
from streamer.wire.messages import CameraState, Stats, encode
from streamer.wire.sockets import Socket, try_send
from streamer.wire.timestamps import utc_text

REPORT_SECONDS = 1.0
FINAL_TIMEOUT_MS = 1000

Role = Literal["capture", "dispatch", "embed", "identify"]


class StatsReporter:
    """Makes `Stats` messages; sends them to identify, or to whatever `deliver` is."""

    def __init__(self, role: Role, name: str, ingest: Socket | None = None) -> None:
        self._role = role
        self._name = name
        self._ingest = ingest
        self._instance = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._last = time.monotonic()
        self._passed: dict[str, int] = {}
        self._rates: dict[str, float] = {}

    def due(self) -> bool:
        """True once a second."""
        return time.monotonic() - self._last >= REPORT_SECONDS

    def make(
        self,
        stages: Iterable[StageCount],
        camera_state: CameraState | None = None,
        final: bool = False,
    ) -> Stats:
        """A report now; rates are what each stage passed on a second since the last one."""
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
            self._role,
            self._name,
            self._instance,
            utc_text(time.time_ns()),
            stages,
            dict(self._rates),
            time.process_time(),
            camera_state,
            final,
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
