"""The embed process: asks dispatch for crops, runs the network, sends the embeddings back."""

import logging
import time

import numpy as np
import zmq

from streamer.bus.sockets import Bus, receive_all, try_send
from streamer.constants import CROP_SIZE
from streamer.errors import ProtocolError
from streamer.runtime.drop_log import DropLog
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.runtime.stats import StatsReporter
from streamer.wire.codec import decode, encode, expect
from streamer.wire.counters import StageCount, StageCounters
from streamer.wire.latencies import LatencyCounters
from streamer.wire.messages import Batch, BatchDone, WorkerReady
from workers.embedding.embedder import Embedder

log = logging.getLogger(__name__)

_POLL_MS = 200
_READY_SECONDS = 1.0
_WARM_UP_BATCHES = (1, 2, 4, 8)


class EmbedWorker:
    """`run()` owns the socket and serves until `stop` is set."""

    def __init__(self, name: str, address: str, embedder: Embedder, capacity: int) -> None:
        self._name = name
        self._address = address
        self._embedder = embedder
        self._capacity = capacity
        self._counters = StageCounters("worker")
        self._latencies = LatencyCounters("worker")
        self._drops = DropLog(log)
        self._seconds = 0.0

    def run(self, bus: Bus, stop: Stop, heartbeat: Heartbeat) -> None:
        """Ask, embed, answer."""
        for size in _WARM_UP_BATCHES:
            if size <= self._capacity:
                self._embedder.embed(np.zeros((size, CROP_SIZE, CROP_SIZE, 3), np.uint8))
        self._dispatch = bus.connect(zmq.DEALER, self._address, immediate=True)
        reporter = StatsReporter("embed", self._name, latencies=self._latencies)
        heartbeat.ready()
        asked = 0.0
        while not stop.is_set():
            heartbeat.beat()
            if time.monotonic() - asked >= _READY_SECONDS:
                self._ask()
                asked = time.monotonic()
            if self._dispatch.poll(_POLL_MS):
                for parts in receive_all(self._dispatch, limit=16):
                    if self._serve(parts):
                        self._ask()
                        asked = time.monotonic()
            if reporter.due():
                self._send(encode(reporter.make(self._stages())))
        self._send(encode(reporter.make(self._stages(), final=True)))

    def _serve(self, parts: list[bytes]) -> bool:
        try:
            message, buffers = decode(parts)
            batch = expect(message, Batch)
        except ProtocolError as error:
            self._drops.tell(error)
            return False
        if batch.count == 0:
            return False
        self._counters.receive(batch.count)
        crops = np.frombuffer(b"".join(buffers), np.uint8)
        began = time.monotonic()
        vectors = self._embedder.embed(crops.reshape(batch.count, CROP_SIZE, CROP_SIZE, 3))
        self._latencies.observe(time.monotonic() - began)
        done = BatchDone(self._name, batch.batch, batch.count, self._embedder.fingerprint)
        if self._send(encode(done, vectors.astype("<f4").tobytes())):
            self._counters.forward(batch.count)
        else:
            self._counters.drop("dispatch_gone", batch.count)
        return True

    def _ask(self) -> None:
        self._send(encode(WorkerReady(self._name, self._capacity, self._embedder.fingerprint)))

    def _send(self, parts: list[bytes | memoryview]) -> bool:
        return try_send(self._dispatch, parts)

    def _stages(self) -> tuple[StageCount, ...]:
        return (self._counters.snapshot(),)
