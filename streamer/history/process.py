"""The history process: an ordinary subscriber that writes down who was there.

It hears what any program may hear, and, where crops may be kept, gets them from dispatch over a
socket of its own. When it is slow, or its disk is full, it loses messages; nobody waits for it.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zmq

from streamer.bus.sockets import Bus, Socket, receive_all
from streamer.errors import ProtocolError
from streamer.history.keeping import Kept
from streamer.history.recording import Rules
from streamer.history.retention import Limits
from streamer.history.writer import Writer
from streamer.runtime.drop_log import DropLog
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.runtime.stats import StatsReporter
from streamer.wire.codec import decode, expect
from streamer.wire.counters import StageCount, StageCounters
from streamer.wire.messages import (
    MAX_TEXT,
    GalleryEvent,
    IdentityEvent,
    KeptCrop,
    PresenceEvent,
    Stats,
)
from streamer.wire.topics import GALLERY, STATS

log = logging.getLogger(__name__)

EVENTS_HWM = 10_000
KEPT_HWM = 256
_POLL_MS = 200
_FLUSH_S = 1.0
_DRAIN_S = 1.2
_DRAIN_QUIET_MS = 100
_Use = Callable[[object, list[bytes | memoryview]], None]


@dataclass(frozen=True)
class HistoryEndpoints:
    """Addresses: events and ingest are identify's; kept is bound here, None where none are."""

    events: str
    ingest: str
    kept: str | None


class History:
    """`run()` owns the sockets; it stops with identify, whose last events it still writes."""

    def __init__(
        self, path: Path, endpoints: HistoryEndpoints, rules: Rules, limits: Limits
    ) -> None:
        self._endpoints = endpoints
        self._writer = Writer(path, rules, limits)
        self._messages = StageCounters("history messages")
        self._drops = DropLog(log)
        self._flush_at = 0.0
        self._identify_ended = False

    def run(self, bus: Bus, stop: Stop, heartbeat: Heartbeat) -> None:
        """Write until `stop`, and then what identify says last."""
        events = bus.connect(zmq.SUB, self._endpoints.events, EVENTS_HWM)
        for subscribed in (b"identity/", b"presence/", GALLERY, STATS):
            events.subscribe(subscribed)
        sockets = [events]
        if self._endpoints.kept is not None:
            sockets.append(bus.bind(zmq.PULL, self._endpoints.kept, KEPT_HWM, roles=("capture",)))
        ingest = bus.connect(zmq.PUSH, self._endpoints.ingest)
        reporter = StatsReporter("history", "history", ingest)
        poller = zmq.Poller()
        for socket in sockets:
            poller.register(socket, zmq.POLLIN)
        self._flush()  # a file that cannot be used is told of at once
        heartbeat.ready()
        try:
            while not stop.is_set():
                poller.poll(_POLL_MS)
                self._turn(sockets)
                heartbeat.beat()
                reporter.fault = self._writer.fault[:MAX_TEXT]
                reporter.tick(self._stages)
            # Identify, which publishes the reports, stops now, too.
            self._writer.flush()
            reporter.send(self._stages(), final=True)
            until = time.monotonic() + _DRAIN_S
            while not self._identify_ended and time.monotonic() < until:
                poller.poll(_DRAIN_QUIET_MS)
                self._turn(sockets)
            self._writer.flush()
        finally:
            self._writer.close()

    def _turn(self, sockets: list[Socket]) -> None:
        for topic, *parts in receive_all(sockets[0]):
            if topic == STATS:
                self._take_stats(parts)
            else:
                self._take(parts, self._hear)
        for kept in sockets[1:]:
            for parts in receive_all(kept):
                self._take(parts, self._keep)
        if time.monotonic() >= self._flush_at:
            self._flush()

    def _flush(self) -> None:
        self._flush_at = time.monotonic() + _FLUSH_S
        self._writer.flush()

    def _take(self, parts: list[bytes], use: _Use) -> None:
        self._messages.receive()
        try:
            use(*decode(parts))
        except ProtocolError as error:
            self._messages.drop("malformed")
            self._drops.tell(error)
        else:
            self._messages.forward()

    def _hear(self, message: object, buffers: list[bytes | memoryview]) -> None:
        if not isinstance(message, IdentityEvent | PresenceEvent | GalleryEvent):
            raise ProtocolError(f"{type(message).__name__} is not for history")
        self._writer.hear(message)

    def _keep(self, message: object, buffers: list[bytes | memoryview]) -> None:
        kept = expect(message, KeptCrop)
        pixels, embedding = (bytes(part) for part in buffers)
        norm = float(np.linalg.norm(np.frombuffer(embedding, "<f4")))
        if not abs(norm - 1) < 0.01:  # nor where it is not a number
            raise ProtocolError("an embedding must be a finite unit vector")
        self._writer.take_crop(Kept(kept.info, kept.fingerprint, embedding, pixels))

    def _take_stats(self, parts: list[bytes]) -> None:
        """Learn from identify's last report that nothing more will come; the others are nothing."""
        try:
            message, _ = decode(parts)
        except ProtocolError:
            return
        if isinstance(message, Stats) and message.role == "identify":
            self._identify_ended = message.final

    def _stages(self) -> tuple[StageCount, ...]:
        writer = self._writer
        return (
            writer.events.snapshot(writer.pending_events),
            writer.crops.snapshot(len(writer.waiting)),
            self._messages.snapshot(),
        )
