"""The webhooks process: an ordinary subscriber that queues what is to be told, and sends it.

What was published while it was down, it asks of the history, if there is one; whatever it hears
twice is queued once. Nobody waits for it.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import zmq

from streamer.bus.sockets import Bus, Socket, receive_all
from streamer.errors import ConfigError, HistoryError, ProtocolError, WebhookError
from streamer.history.database import history
from streamer.history.queries import events_since
from streamer.runtime.drop_log import DropLog
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.runtime.stats import StatsReporter
from streamer.webhooks.happenings import Happening, Happenings
from streamer.webhooks.posting import Verdict
from streamer.webhooks.sender import Sender
from streamer.webhooks.store import Delivery, Letter, WebhookStore, now_ms
from streamer.webhooks.targets import Target
from streamer.wire.codec import decode
from streamer.wire.counters import StageCount, StageCounters
from streamer.wire.latencies import LatencyCounters
from streamer.wire.messages import MAX_TEXT, GalleryEvent, Stats

log = logging.getLogger(__name__)

EVENTS_HWM = 10_000
MAX_WAITING = 10_000
_TOPICS = ("identity/", "presence/", "gallery", "correction", "expiry", "stats")
_POLL_MS = 200
_RETRY_S = 10.0
_RETAIN_S = 60.0
_COUNT_S = 1.0
_CATCH_UP_AFTER_S = 3.0
"""By then the history, which writes every second, has what was published before we subscribed."""

_MARGIN_MS = 150_000
"""An exit has the time at which somebody was last seen, which may be two minutes before it."""

_LONGEST_GAP_MS = 23 * 3600 * 1000
"""Less than what was delivered is known by its id (`store.KEPT_DONE_MS`)."""

_DRAIN_S = 1.2
_DRAIN_QUIET_MS = 100
_LAST_SENDING_S = 0.3


@dataclass(frozen=True)
class WebhookPaths:
    """The queue, and the history, if one is written."""

    queue: Path
    history: Path | None


class Webhooks:
    """`run()` owns the socket, the queue and a thread for each webhook."""

    def __init__(
        self, targets: Sequence[Target], paths: WebhookPaths, events: str, ingest: str
    ) -> None:
        self._targets = targets
        self._paths = paths
        self._addresses = events, ingest
        self._happenings = Happenings()
        self._messages = StageCounters("webhook messages")
        self._deliveries = StageCounters("deliveries")
        self._latencies = LatencyCounters("deliveries")
        self._drops = DropLog(log)
        self._waiting: deque[Letter] = deque()
        self._results: deque[tuple[Verdict, Delivery, bool]] = deque()
        self._queued = 0
        self._surplus = 0
        self._fault = ""
        self._heard_ms = now_ms()
        self._retry_at = self._retain_at = self._count_at = 0.0
        self._identify_ended = False

    def run(self, bus: Bus, stop: Stop, heartbeat: Heartbeat) -> None:
        """Hear, queue and send until `stop`, and then what identify says last."""
        events = bus.connect(zmq.SUB, self._addresses[0], EVENTS_HWM)
        for topic in _TOPICS:
            events.subscribe(topic)
        ingest = bus.connect(zmq.PUSH, self._addresses[1])
        reporter = StatsReporter("webhooks", "webhooks", ingest, latencies=self._latencies)
        with WebhookStore(self._paths.queue, make=True) as self._store:
            self._begin()
            ended = threading.Event()
            senders = [Sender(target, self._store, ended, self._note) for target in self._targets]
            for sender in senders:
                sender.start()
            heartbeat.ready()
            while not stop.is_set():
                events.poll(_POLL_MS)
                self._turn(events)
                heartbeat.beat()
                reporter.fault = next(
                    (fault for fault in (self._fault, *(s.fault for s in senders)) if fault), ""
                )[:MAX_TEXT]
                reporter.tick(self._stages)
            reporter.send(self._stages(), final=True)
            self._drain(events)
            ended.set()
            until = time.monotonic() + _LAST_SENDING_S
            for sender in senders:  # what is on its way and not noted comes again, same id
                sender.join(max(0.0, until - time.monotonic()))

    def _begin(self) -> None:
        """Take over what an earlier run left in the queue."""
        self._store.retain(target.name for target in self._targets)
        heard = self._store.heard_until()
        self._catch_up_at: float | None = None
        if heard is None:
            self._store.put((), self._heard_ms)
        elif self._paths.history is not None:
            self._gap_ms = max(heard - _MARGIN_MS, now_ms() - _LONGEST_GAP_MS)
            self._catch_up_at = time.monotonic() + _CATCH_UP_AFTER_S
        self._queued = self._store.counts()["queued"]
        self._deliveries.receive(self._queued)

    def _turn(self, events: Socket) -> None:
        for _, *parts in receive_all(events):
            self._messages.receive()
            try:
                message, _ = decode(parts)
            except ProtocolError as error:
                self._messages.drop("malformed")
                self._drops.tell(error)
                continue
            self._messages.forward()
            self._hear(message)
        now = time.monotonic()
        if self._catch_up_at is not None and now >= self._catch_up_at:
            self._catch_up_at = None
            self._catch_up()
        self._settle()
        if now >= self._retry_at:
            self._write(now)

    def _hear(self, message: object) -> None:
        self._heard_ms = now_ms()
        if isinstance(message, Stats) and message.role == "identify":
            self._identify_ended = message.final
        if isinstance(message, GalleryEvent):
            try:
                self._store.enrolled_again(message.names, message.version)
            except WebhookError as error:
                self._fail(error)
        self._tell(self._happenings.take(message))

    def _tell(self, happenings: Iterable[Happening]) -> None:
        for happening in happenings:
            for target in self._targets:
                if not target.wants(happening):
                    continue
                try:
                    letter = target.letter(happening)
                except ConfigError as error:
                    self._messages.receive()
                    self._messages.drop("template")
                    self._drops.tell(error)
                    continue
                self._waiting.append(letter)
                if len(self._waiting) > MAX_WAITING:
                    self._waiting.popleft()
                    self._deliveries.receive()
                    self._deliveries.drop("store_down")

    def _catch_up(self) -> None:
        """Queue what the history has of the time in which nobody heard."""
        path = self._paths.history
        if path is None or not path.is_file():
            return
        earlier = Happenings()
        try:
            with history(path) as connection:
                for event in events_since(connection, self._gap_ms):
                    self._tell(earlier.take(event))
        except HistoryError as error:
            log.warning("what was missed cannot be told: %s", error)

    def _write(self, now: float) -> None:
        """Write what waits; a store that fails is tried again, and what waits goes on waiting."""
        try:
            if self._waiting:
                for outcome in self._store.put(self._waiting, self._heard_ms):
                    if outcome == "known":
                        continue
                    self._deliveries.receive()
                    if outcome == "queued":
                        self._queued += 1
                    else:
                        self._deliveries.drop(outcome)
                self._waiting.clear()
            if now >= self._retain_at:
                self._retain_at = now + _RETAIN_S
                self._store.put((), self._heard_ms)
                surplus, strays = self._store.retain(target.name for target in self._targets)
                self._drop("queue_full", surplus)
                self._drop("webhook_gone", strays)
            if now >= self._count_at:
                self._count_at = now + _COUNT_S
                self._reconcile(self._store.counts()["queued"] - self._queued)
            self._fault = ""
        except WebhookError as error:
            self._fail(error)

    def _fail(self, error: WebhookError) -> None:
        if str(error) != self._fault:
            log.error("%s", error)
        self._fault = str(error)
        self._retry_at = time.monotonic() + _RETRY_S

    def _note(self, verdict: Verdict, delivery: Delivery, given_up: bool) -> None:
        """Hear from a sender what came of an attempt; its thread calls this."""
        self._results.append((verdict, delivery, given_up))

    def _settle(self) -> None:
        while self._results:
            verdict, delivery, given_up = self._results.popleft()
            if verdict.taken:
                self._queued -= 1
                self._deliveries.forward()
                self._latencies.observe((now_ms() - delivery.queued_ms) / 1000, delivery.camera)
            elif given_up:
                self._drop("given_up", 1)

    def _drop(self, reason: str, count: int) -> None:
        self._queued -= count
        self._deliveries.drop(reason, count)

    def _reconcile(self, surplus: int) -> None:
        """Take over what commands, and forgetting, did to the queue, once it has settled."""
        if surplus and surplus == self._surplus:
            if surplus > 0:
                self._deliveries.receive(surplus)
                self._queued += surplus
            else:
                self._drop("removed", -surplus)
            surplus = 0
        self._surplus = surplus

    def _drain(self, events: Socket) -> None:
        until = time.monotonic() + _DRAIN_S
        while not self._identify_ended and time.monotonic() < until:
            events.poll(_DRAIN_QUIET_MS)
            self._turn(events)
        self._retry_at = 0.0
        self._write(time.monotonic())

    def _stages(self) -> tuple[StageCount, ...]:
        self._settle()
        return self._deliveries.snapshot(self._queued), self._messages.snapshot()
