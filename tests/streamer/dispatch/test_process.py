"""The dispatch process in a thread, with real sockets for cameras, workers and identify."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgpack
import pytest
import zmq

from streamer.bus.sockets import Bus, Socket, open_bus
from streamer.config.sections import DispatchConfig
from streamer.dispatch.process import Dispatch, DispatchEndpoints
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.wire.codec import decode, encode
from streamer.wire.counters import StageCount
from streamer.wire.messages import (
    CROP_BYTES,
    EMBEDDING_BYTES,
    VERSION,
    Batch,
    BatchDone,
    CropMessage,
    Embeddings,
    KeptCrop,
    Stats,
    WorkerReady,
)
from streamer.wire.timestamps import Timestamp, timestamp_now
from tests.streamer.dispatch.test_queue import crop

PATIENCE_MS = 60_000
PATIENT = DispatchConfig(max_age_ms=600_000, worker_timeout_ms=600_000)


class Gate(Heartbeat):
    """A heartbeat that holds the dispatch, its sockets made, until everything has been sent."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(None, stop)
        self.bound = threading.Event()
        self.open = threading.Event()

    def ready(self) -> None:
        self.bound.set()
        assert self.open.wait(PATIENCE_MS / 1000)


class Worker:
    """A worker that does what it is told."""

    def __init__(self, bus: Bus, address: str, capacity: int = 32) -> None:
        self.socket = bus.connect(zmq.DEALER, address)
        self._capacity = capacity

    def ask(self) -> None:
        self.socket.send_multipart(encode(WorkerReady("w", self._capacity, "print")))

    def take(self, timeout_ms: int = PATIENCE_MS) -> Batch | None:
        """The next message, a probe or a batch."""
        if not self.socket.poll(timeout_ms):
            return None
        message, _ = decode(self.socket.recv_multipart())
        assert isinstance(message, Batch)
        return message

    def finish(self, batch: Batch, byte: int = 0) -> None:
        done = BatchDone("w", batch.batch, batch.count, "print")
        vectors = bytes([byte]) * (batch.count * EMBEDDING_BYTES)
        self.socket.send_multipart(encode(done, vectors))


class Running:
    """A dispatch in a thread."""

    def __init__(self, bus: Bus, transport: str, config: DispatchConfig, keeps: bool) -> None:
        ports = DispatchEndpoints(
            f"{transport}-crops",
            f"{transport}-work",
            f"{transport}-ingest",
            f"{transport}-kept" if keeps else None,
            f"{transport}-asked",
        )
        self.asked = f"{transport}-asked"
        self.history = bus.bind(zmq.PULL, f"{transport}-kept")
        self.bus, self.work = bus, ports.work
        self.ingest = bus.bind(zmq.PULL, ports.ingest)
        self._stop = Stop()
        self.gate = Gate(self._stop)
        self._thread = threading.Thread(
            target=Dispatch(config, ports).run, args=(bus, self._stop, self.gate), daemon=True
        )
        self._thread.start()
        assert self.gate.bound.wait(PATIENCE_MS / 1000)
        self.crops: Socket = bus.connect(zmq.PUSH, ports.crops, 1024)

    def worker(self, capacity: int = 32, bus: Bus | None = None) -> Worker:
        return Worker(bus or self.bus, self.work, capacity)

    def send_crops(self, first: int, last: int, captured: Timestamp | None = None) -> None:
        for track in range(first, last + 1):
            info = crop(track, 1, captured or timestamp_now()).info
            self.crops.send_multipart(encode(CropMessage(info), bytes(CROP_BYTES)))

    def embedded(self) -> list[int]:
        """The tracks of the next embeddings that come out."""
        while self.ingest.poll(PATIENCE_MS):
            message, _ = decode(self.ingest.recv_multipart())
            if isinstance(message, Embeddings):
                return [info.track for info in message.crops]
        pytest.fail("no embeddings came out")

    def end(self) -> dict[str, StageCount]:
        """Stop it; its last account."""
        self._stop.set()
        self.gate.open.set()
        self._thread.join(PATIENCE_MS / 1000)
        assert not self._thread.is_alive()
        stages: tuple[StageCount, ...] = ()
        while self.ingest.poll(100):
            message, _ = decode(self.ingest.recv_multipart())
            if isinstance(message, Stats) and message.role == "dispatch":
                stages = message.stages
                assert [stage.unaccounted for stage in stages] == [0] * len(stages)
        return {stage.stage: stage for stage in stages}


@contextmanager
def running(
    transport: str = "inproc://it", config: DispatchConfig = PATIENT, keeps: bool = False
) -> Iterator[Running]:
    """Over inproc, what was sent before the gate opens is there in the first turn."""
    with open_bus() as bus:
        dispatch = Running(bus, transport, config, keeps)
        try:
            yield dispatch
        finally:
            dispatch.end()


def test_what_waits_is_shared_among_the_workers_that_wait() -> None:
    with running() as dispatch:
        workers = [dispatch.worker(capacity) for capacity in (32, 32, 2, 32)]
        for worker in workers:
            worker.ask()
        dispatch.send_crops(1, 13)
        dispatch.gate.open.set()
        batches = [worker.take() for worker in workers]
        assert [batch.count for batch in batches if batch] == [4, 3, 2, 4]
        for worker, batch in zip(workers, batches, strict=True):
            assert batch
            worker.finish(batch)
            first = 1 + sum(other.count for other in batches[: batches.index(batch)] if other)
            assert dispatch.embedded() == list(range(first, first + batch.count))
        crops = dispatch.end()["crops"]
        assert (crops.received, crops.forwarded, crops.dropped) == (13, 13, {})


def test_what_comes_later_is_for_who_is_idle_then() -> None:
    with running() as dispatch:
        first, second = dispatch.worker(), dispatch.worker()
        first.ask()
        second.ask()
        dispatch.send_crops(1, 1)
        dispatch.gate.open.set()
        batch = first.take()
        assert batch
        assert batch.count == 1
        dispatch.send_crops(2, 4)
        counts: list[int] = []
        while sum(counts) < 3:
            later = second.take()
            assert later
            counts.append(later.count)
            second.finish(later)
            second.ask()
        assert first.take(0) is None


@pytest.mark.parametrize("ahead_s", [-61, 61])
def test_crops_of_a_host_whose_clock_is_off_are_handed_out(ahead_s: int) -> None:
    with running(config=DispatchConfig(max_age_ms=60_000)) as dispatch:
        worker = dispatch.worker()
        dispatch.gate.open.set()
        for track in range(1, 6):
            worker.ask()
            utc_ns = time.time_ns() + ahead_s * 1_000_000_000
            dispatch.send_crops(track, track, Timestamp(0, utc_ns, "theirs"))
            batch = worker.take()
            assert batch
            worker.finish(batch)
            assert dispatch.embedded() == [track]


def test_crops_of_a_host_whose_clock_is_ahead_become_too_old_all_the_same() -> None:
    with running(config=DispatchConfig(max_age_ms=100)) as dispatch:
        dispatch.send_crops(1, 1, Timestamp(0, time.time_ns() + 3_600_000_000_000, "theirs"))
        dispatch.gate.open.set()
        until = time.monotonic() + PATIENCE_MS / 1000
        expired = 0
        while not expired and time.monotonic() < until:
            assert dispatch.ingest.poll(PATIENCE_MS)
            message, _ = decode(dispatch.ingest.recv_multipart())
            expired = sum(stage.dropped.get("expired", 0) for stage in message.stages)
        assert expired == 1


def test_a_worker_that_leaves_with_a_batch_loses_nothing_and_others_are_asked_once(
    folder: Path,
) -> None:
    with running(f"ipc://{folder}/it") as dispatch, open_bus() as leaving, open_bus() as staying:
        dispatch.gate.open.set()
        busy, lost = dispatch.worker(bus=staying), dispatch.worker(bus=leaving)
        taken = []
        for track, worker in enumerate((busy, lost), 1):
            worker.ask()
            dispatch.send_crops(track, track)
            taken.append(worker.take())
        assert all(taken)
        leaving.close()
        other = dispatch.worker()
        other.ask()
        batch = other.take()
        assert batch
        other.finish(batch)
        assert dispatch.embedded() == [2]
        # The one that is still busy was asked whether it is there, but not over and over.
        probes = 0
        while (probe := busy.take(1500)) is not None:
            assert probe.count == 0
            probes += 1
        assert probes == 1
        assert taken[0]
        busy.finish(taken[0])
        assert dispatch.embedded() == [1]
        totals = dispatch.end()
        assert (totals["crops"].forwarded, totals["crops"].dropped) == (2, {})


def test_a_batch_that_comes_too_late_is_counted(folder: Path) -> None:
    config = DispatchConfig(max_age_ms=600_000, worker_timeout_ms=200)
    with running(f"ipc://{folder}/it", config) as dispatch:
        dispatch.gate.open.set()
        slow, other = dispatch.worker(), dispatch.worker()
        slow.ask()
        dispatch.send_crops(1, 1)
        late = slow.take()
        assert late
        other.ask()
        again = other.take()
        assert again
        slow.finish(late)
        slow.ask()
        dispatch.send_crops(2, 2)
        assert slow.take()  # it has been read by now
        messages = dispatch.end()["dispatch messages"]
        assert messages.dropped == {"late": 1}


def test_hostile_messages_are_counted_and_told_of_in_one_harmless_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hostile = msgpack.packb({"v": VERSION, "type": "CropMessage", "\x1b[2J\n": 1})
    with running() as dispatch:
        for _ in range(30):
            dispatch.crops.send(hostile)
        dispatch.gate.open.set()
        messages = dispatch.end()["dispatch messages"]
    assert messages.dropped == {"malformed": 30}
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("message dropped: CropMessage.")
    assert caplog.messages[0].isprintable()


def test_an_answer_to_a_dispatch_that_is_gone_is_not_taken_for_another(folder: Path) -> None:
    with open_bus() as workers:
        with running(f"ipc://{folder}/it") as gone:
            gone.gate.open.set()
            worker = gone.worker(bus=workers)
            worker.ask()
            gone.send_crops(1, 1)
            first = worker.take()
            assert first
        with running(f"ipc://{folder}/it") as dispatch:
            dispatch.gate.open.set()
            worker.ask()  # as it may have asked before it was given the first one
            dispatch.send_crops(2, 2)
            second = worker.take()
            assert second
            assert second.count == first.count
            worker.finish(first)
            totals = dispatch.end()
            assert totals["dispatch messages"].dropped == {"late": 1}
            assert (totals["crops"].forwarded, totals["crops"].dropped) == (0, {"stopped": 1})


RAISES_INSIDE_RUN = """
import sys
from pathlib import Path

from streamer.config.sections import Config
from streamer.dispatch.process import Dispatch, DispatchEndpoints
from streamer.runtime.heartbeat import Stop
from streamer.runtime.service import run_service
from streamer.wire.messages import Stats

class Broken(Dispatch):
    def _receive_crops(self):
        raise RuntimeError("a fault of ours")

config = Config.model_validate({"cameras": {"door": {"source": "x"}}})
ports = DispatchEndpoints(*(f"ipc://{sys.argv[1]}/{name}" for name in ("crops", "work", "ingest")))
run_service(Broken(config.dispatch, ports), config, Stop(), None)
"""


def test_an_exception_inside_run_ends_the_process(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RAISES_INSIDE_RUN, str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "RuntimeError: a fault of ours" in done.stderr


@pytest.mark.parametrize("keeps", [True, False])
def test_crops_that_may_be_kept_go_to_history_with_their_embeddings(keeps: bool) -> None:
    with running(keeps=keeps) as dispatch:
        dispatch.gate.open.set()
        worker = dispatch.worker()
        for _ in range(2):
            worker.ask()
            dispatch.send_crops(1, 1)
            batch = worker.take()
            assert batch
            worker.finish(batch)
            assert dispatch.embedded() == [1]
        totals = dispatch.end()
        kept = []
        while dispatch.history.poll(100):
            message, buffers = decode(dispatch.history.recv_multipart())
            assert isinstance(message, KeptCrop)
            assert [len(part) for part in buffers] == [CROP_BYTES, EMBEDDING_BYTES]
            kept.append((message.info.track, message.fingerprint))
        assert kept == [(1, "print")] * keeps
    if keeps:
        assert totals["crops to keep"].received == 2
        assert totals["crops to keep"].dropped == {"enough_of_track": 1}
    else:
        assert "crops to keep" not in totals
