"""The dispatch process: crops in from every camera, batches out to whichever worker asks.

Results come back the same way and go on to identify, so that one process knows what became
of every crop: a batch is done when its embeddings are here, and a batch of a worker that is
gone is handed out again while it is fresh.
"""

import logging
import time
from dataclasses import dataclass, field

import zmq
from zmq.utils.monitor import recv_monitor_message

from streamer.config.sections import DispatchConfig
from streamer.dispatch.queue import CropQueue, QueuedCrop
from streamer.errors import ProtocolError
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.runtime.stats import StatsReporter
from streamer.wire.counters import StageCount, StageCounters
from streamer.wire.messages import (
    Batch,
    BatchDone,
    CropMessage,
    Embeddings,
    Stats,
    WorkerReady,
    decode,
    encode,
    expect,
)
from streamer.wire.sockets import Bus, Socket, receive_all, try_send

log = logging.getLogger(__name__)

CROPS_HWM = 1024
_POLL_MS = 20
_IDLE_POLL_MS = 200
_PROBE_S = 1.0
_IDLE_EXPIRY_S = 5.0
_DRAIN_S = 1.0
_DRAIN_QUIET_MS = 100


@dataclass(frozen=True)
class DispatchEndpoints:
    """Addresses: crops and work are bound here, ingest is identify's."""

    crops: str
    work: str
    ingest: str


@dataclass
class _Out:
    """A batch in a worker's hands."""

    worker: bytes
    crops: list[QueuedCrop]
    deadline: float


@dataclass
class _Idle:
    """A worker that has asked for work."""

    capacity: int
    heard: float = field(default_factory=time.monotonic)


class Dispatch:
    """`run()` owns the sockets and returns once `stop` is set and the queue is settled."""

    def __init__(self, config: DispatchConfig, ports: DispatchEndpoints) -> None:
        self._config = config
        self._endpoints = ports
        self._counters = StageCounters("crops")
        self._ingress = StageCounters("dispatch messages")
        self._queue = CropQueue(config.max_queue, config.max_age_ms, self._counters)
        self._idle: dict[bytes, _Idle] = {}
        self._out: dict[int, _Out] = {}
        self._next_batch = 1
        self._probe_until = 0.0
        self.workers_lost = 0

    def run(self, bus: Bus, stop: Stop, heartbeat: Heartbeat) -> None:
        """Serve until `stop`; then take what has arrived, wait for what is out, and report."""
        self._crops = bus.bind(zmq.PULL, self._endpoints.crops, CROPS_HWM, roles=("capture",))
        self._work = bus.bind(zmq.ROUTER, self._endpoints.work, roles=("worker",))
        self._work.router_mandatory = True
        self._ingest = bus.connect(zmq.PUSH, self._endpoints.ingest, CROPS_HWM)
        monitor = self._work.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._reporter = StatsReporter("dispatch", "dispatch", self._ingest)
        poller = zmq.Poller()
        for socket in (self._crops, self._work, monitor):
            poller.register(socket, zmq.POLLIN)
        heartbeat.ready()
        try:
            while not stop.is_set():
                busy = bool(self._out) or bool(self._queue)
                poller.poll(_POLL_MS if busy else _IDLE_POLL_MS)
                self._turn(monitor)
                heartbeat.beat()
                self._reporter.tick(self._stages)
            self._drain(poller, monitor)
            self._reporter.send(self._stages(), final=True)
        finally:
            self._work.disable_monitor()

    def _turn(self, monitor: Socket) -> None:
        while monitor.poll(0):
            recv_monitor_message(monitor)
            self._probe_until = time.monotonic() + _PROBE_S
        self._receive_work()
        self._receive_crops()
        self._find_lost_workers()
        self._hand_out()

    def _receive_crops(self) -> None:
        for parts in receive_all(self._crops):
            self._ingress.receive()
            try:
                message, buffers = decode(parts)
                info = expect(message, CropMessage).info
            except ProtocolError as error:
                self._refuse(error)
                continue
            self._ingress.forward()
            self._queue.put(QueuedCrop(info, buffers[0]))

    def _receive_work(self) -> None:
        for worker, *parts in receive_all(self._work):
            try:
                message, buffers = decode(parts)
            except ProtocolError as error:
                self._ingress.receive()
                self._refuse(error)
                continue
            match message:
                case WorkerReady():
                    if not any(out.worker == worker for out in self._out.values()):
                        self._idle[worker] = _Idle(message.capacity)
                case BatchDone():
                    self._finish(worker, message, buffers[0])
                case Stats():
                    try_send(self._ingest, encode(message))
                case _:
                    self._ingress.receive()
                    self._refuse(
                        ProtocolError(f"unexpected {type(message).__name__} from a worker")
                    )

    def _refuse(self, error: ProtocolError) -> None:
        self._ingress.drop("malformed")
        log.warning("message dropped: %s", error)

    def _finish(self, worker: bytes, done: BatchDone, vectors: bytes | memoryview) -> None:
        out = self._out.get(done.batch)
        if out is None or out.worker != worker or len(out.crops) != done.count:
            log.info("a late or strange batch %d of %s was dropped", done.batch, done.worker)
            return
        del self._out[done.batch]
        infos = tuple(crop.info for crop in out.crops)
        if try_send(self._ingest, encode(Embeddings(infos, done.fingerprint), vectors)):
            self._counters.forward(len(infos))
        else:
            self._counters.drop("identify_queue_full", len(infos))

    def _hand_out(self) -> None:
        self._queue.expire()
        now = time.monotonic()
        for worker, idle in list(self._idle.items()):
            if now - idle.heard > _IDLE_EXPIRY_S:
                del self._idle[worker]
                continue
            if not self._queue:
                continue
            crops = self._queue.take(min(idle.capacity, self._config.max_batch))
            if not crops:
                return
            del self._idle[worker]
            batch, self._next_batch = self._next_batch, self._next_batch + 1
            message = encode(Batch(batch, len(crops)), *(crop.pixels for crop in crops))
            if self._send_to(worker, message):
                deadline = now + self._config.worker_timeout_ms / 1000
                self._out[batch] = _Out(worker, crops, deadline)
            else:
                for crop in reversed(crops):
                    self._queue.put_back(crop)

    def _send_to(self, worker: bytes, parts: list[bytes | memoryview]) -> bool:
        """False where the worker is gone (or takes nothing more)."""
        try:
            self._work.send_multipart([worker, *parts], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                return False
            raise
        return True

    def _find_lost_workers(self) -> None:
        """Batches of workers that are gone, or silent for too long, go back into the queue.

        ZeroMQ tells only that some peer disconnected; sending to a peer that is gone fails, so
        for a moment after that every worker with a batch is sent an empty one.
        """
        now = time.monotonic()
        probing = now < self._probe_until
        for batch, out in list(self._out.items()):
            gone = probing and not self._send_to(out.worker, encode(Batch(0, 0)))
            if gone or now > out.deadline:
                del self._out[batch]
                self.workers_lost += 1
                log.warning("a worker was lost with a batch of %d crops", len(out.crops))
                for crop in reversed(out.crops):
                    self._queue.put_back(crop)

    def _drain(self, poller: zmq.Poller, monitor: Socket) -> None:
        """The cameras have stopped: finish what is on its way, within a moment."""
        until = time.monotonic() + _DRAIN_S
        while time.monotonic() < until:
            quiet = not poller.poll(_DRAIN_QUIET_MS)
            self._turn(monitor)
            if quiet and not self._out and not self._queue:
                break
        self._queue.clear("stopped")
        for out in self._out.values():
            self._counters.drop("stopped", len(out.crops))
        self._out.clear()

    def _stages(self) -> tuple[StageCount, ...]:
        held = len(self._queue) + sum(len(out.crops) for out in self._out.values())
        return self._counters.snapshot(held), self._ingress.snapshot()
