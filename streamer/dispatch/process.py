"""The dispatch process: crops in from every camera, batches out to whichever worker asks.

Results come back the same way and go on to identify, so that one process knows what became
of every crop: a batch is done when its embeddings are here, and a batch of a worker that is
gone is handed out again while it is fresh.
"""

import logging
import time
from dataclasses import dataclass

import zmq

from streamer.bus.sockets import Bus, receive_all, send_to_peer, try_send
from streamer.config.sections import DispatchConfig
from streamer.dispatch.asked import AskedCrops
from streamer.dispatch.departures import Departures
from streamer.dispatch.kept import KeptCrops
from streamer.dispatch.pool import WorkerPool, shares
from streamer.dispatch.queue import CropQueue, QueuedCrop
from streamer.errors import ProtocolError
from streamer.runtime.drop_log import DropLog
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.runtime.stats import StatsReporter
from streamer.wire.clock_offsets import ClockOffsets
from streamer.wire.codec import decode, encode, expect
from streamer.wire.counters import StageCount, StageCounters
from streamer.wire.messages import (
    Batch,
    BatchDone,
    CropMessage,
    Embeddings,
    Stats,
    WorkerReady,
)

log = logging.getLogger(__name__)

CROPS_HWM = 1024
KEPT_HWM = 64
_POLL_MS = 20
_IDLE_POLL_MS = 200
_EXPIRY_S = 0.05
_DRAIN_S = 1.0
_DRAIN_QUIET_MS = 100


@dataclass(frozen=True)
class DispatchEndpoints:
    """Addresses: crops, work and asked are bound here, ingest is identify's.

    kept: history's, where crops may be kept. asked: for control, if there is one.
    """

    crops: str
    work: str
    ingest: str
    kept: str | None = None
    asked: str | None = None


class Dispatch:
    """`run()` owns the sockets and returns once `stop` is set and the queue is settled."""

    def __init__(self, config: DispatchConfig, ports: DispatchEndpoints) -> None:
        self._config = config
        self._endpoints = ports
        self._clocks = ClockOffsets()
        self._counters = StageCounters("crops")
        self._messages = StageCounters("dispatch messages")
        self._kept: KeptCrops | None = None
        self._asked: AskedCrops | None = None
        self._drops = DropLog(log)
        self._queue = CropQueue(
            config.max_queue, config.max_age_ms, self._counters, self._clocks.age_ms
        )
        self._pool = WorkerPool(config.worker_timeout_ms / 1000)
        self._next_expiry = 0.0

    def run(self, bus: Bus, stop: Stop, heartbeat: Heartbeat) -> None:
        """Serve until `stop`; then take what has arrived, wait for what is out, and report."""
        self._crops = bus.bind(zmq.PULL, self._endpoints.crops, CROPS_HWM, roles=("capture",))
        self._work = bus.bind(zmq.ROUTER, self._endpoints.work, roles=("worker",))
        self._work.router_mandatory = True
        self._ingest = bus.connect(zmq.PUSH, self._endpoints.ingest, CROPS_HWM)
        if self._endpoints.kept is not None:
            self._kept = KeptCrops(
                bus.connect(zmq.PUSH, self._endpoints.kept, KEPT_HWM, immediate=True)
            )
        self._departures = Departures(bus, self._work)
        asked = None
        if self._endpoints.asked is not None:
            asked = bus.bind(zmq.ROUTER, self._endpoints.asked)
            asked.router_mandatory = True
            self._asked = AskedCrops(asked)
        reporter = StatsReporter("dispatch", "dispatch", self._ingest)
        poller = zmq.Poller()
        for socket in (self._crops, self._work, self._departures.monitor, asked):
            if socket is not None:
                poller.register(socket, zmq.POLLIN)
        heartbeat.ready()
        while not stop.is_set():
            busy = bool(self._pool.busy()) or bool(self._queue)
            poller.poll(_POLL_MS if busy else _IDLE_POLL_MS)
            self._turn()
            heartbeat.beat()
            reporter.tick(self._stages)
        self._drain(poller)
        reporter.send(self._stages(), final=True)

    def _turn(self) -> None:
        self._receive_work()
        self._receive_crops()
        self._receive_asked()
        self._find_lost_workers()
        self._hand_out()

    def _receive_crops(self) -> None:
        for parts in receive_all(self._crops):
            self._messages.receive()
            try:
                message, buffers = decode(parts)
                info = expect(message, CropMessage).info
            except ProtocolError as error:
                self._refuse(error)
                continue
            self._messages.forward()
            self._clocks.observe(info.captured, info.camera)
            self._queue.put(QueuedCrop(info, buffers[0]))

    def _receive_asked(self) -> None:
        if self._asked is not None:
            for fault in self._asked.receive(time.monotonic()):
                self._drops.tell(fault)

    def _receive_work(self) -> None:
        for worker, *parts in receive_all(self._work):
            self._messages.receive()
            try:
                message, buffers = decode(parts)
                drop_reason = self._take(worker, message, buffers)
            except ProtocolError as error:
                self._refuse(error)
                continue
            if drop_reason is None:
                self._messages.forward()
            else:
                self._messages.drop(drop_reason)

    def _take(
        self, worker: bytes, message: object, buffers: list[bytes | memoryview]
    ) -> str | None:
        """Act on a worker's message; why it was dropped, or None if it was not."""
        match message:
            case WorkerReady():
                self._pool.ready(worker, message.capacity, time.monotonic())
                return None
            case BatchDone():
                return self._finish(worker, message, buffers[0])
            case Stats():
                return None if try_send(self._ingest, encode(message)) else "queue_full"
        raise ProtocolError(f"unexpected {type(message).__name__} from a worker")

    def _refuse(self, error: ProtocolError) -> None:
        self._messages.drop("malformed")
        self._drops.tell(error)

    def _finish(self, worker: bytes, done: BatchDone, vectors: bytes | memoryview) -> str | None:
        if self._asked is not None:
            asked = self._pool.finish_asked(done.batch, worker, done.count)
            if asked is not None:
                self._asked.answer(asked, done.fingerprint, vectors)
                return None
        crops = self._pool.finish(done.batch, worker, done.count)
        if crops is None:
            log.info("a late or strange batch %d of %a was dropped", done.batch, done.worker)
            return "late"
        infos = tuple(crop.info for crop in crops)
        if try_send(self._ingest, encode(Embeddings(infos, done.fingerprint), vectors)):
            self._counters.forward(len(infos))
        else:
            self._counters.drop("identify_queue_full", len(infos))
        if self._kept is not None:
            self._kept.take(crops, done.fingerprint, memoryview(vectors))
        if self._asked is not None:
            self._asked.show(crops, done.fingerprint, memoryview(vectors), time.monotonic())
        return None

    def _hand_out(self) -> None:
        """Share what waits among the idle workers; what comes later is for who is idle then."""
        now = time.monotonic()
        if now >= self._next_expiry:  # what is handed out is looked at once more anyway
            self._next_expiry = now + _EXPIRY_S
            self._queue.expire()
        if self._asked is not None and self._asked.overdue(now):
            self._hand_out_asked(self._asked, now)
        self._hand_out_live(now)
        if self._asked is not None and not self._queue:
            self._hand_out_asked(self._asked, now)

    def _hand_out_asked(self, asked: AskedCrops, now: float) -> None:
        """Give one batch of crops that were asked for to a worker that waits."""
        idle = self._pool.idle(now)
        batch = asked.next() if idle else None
        if batch is None:
            return
        worker, number = idle[0][0], self._pool.next_number()
        message = encode(Batch(number, len(batch.pixels)), *batch.pixels)
        if send_to_peer(self._work, worker, message) == "sent":
            self._pool.gave_asked(number, worker, batch, now)
        else:
            self._pool.forget_idle(worker)
            asked.put_back(batch)

    def _hand_out_live(self, now: float) -> None:
        if not self._queue:
            return
        idle = self._pool.idle(now)
        capacities = [min(capacity, self._config.max_batch) for _, capacity in idle]
        for (worker, _), share in zip(idle, shares(len(self._queue), capacities), strict=True):
            crops = self._queue.take(share)
            if not crops:
                return
            number = self._pool.next_number()
            message = encode(Batch(number, len(crops)), *(crop.pixels for crop in crops))
            if send_to_peer(self._work, worker, message) == "sent":
                self._pool.gave(number, worker, crops, now)
            else:
                self._pool.forget_idle(worker)
                for crop in reversed(crops):
                    self._queue.put_back(crop)

    def _find_lost_workers(self) -> None:
        """Batches of workers that are gone, or silent for too long, go back into the queue."""
        now = time.monotonic()
        gone = self._departures.gone(self._pool.busy(), now)
        for out in self._pool.take_lost(gone, now):
            if out.asked is not None and self._asked is not None:
                self._asked.put_back(out.asked, attempted=True)
                continue
            log.warning("a worker was lost with a batch of %d crops", len(out.crops))
            for crop in reversed(out.crops):
                self._queue.put_back(crop, attempted=True)

    def _drain(self, poller: zmq.Poller) -> None:
        """Finish what is on its way, within a moment, once the cameras have stopped."""
        until = time.monotonic() + _DRAIN_S
        while time.monotonic() < until:
            quiet = not poller.poll(_DRAIN_QUIET_MS)
            self._turn()
            if quiet and not self._pool.held and not self._queue:
                break
        if self._asked is not None:
            self._asked.clear(self._pool.held_asked)
        self._queue.clear("stopped")
        self._counters.drop("stopped", self._pool.clear())

    def _stages(self) -> tuple[StageCount, ...]:
        held = len(self._queue) + self._pool.held
        stages: tuple[StageCount, ...] = self._counters.snapshot(held), self._messages.snapshot()
        if self._kept is not None:
            stages = (*stages, self._kept.snapshot())
        if self._asked is not None:
            stages = (*stages, self._asked.snapshot(self._pool.held_asked))
        return stages
