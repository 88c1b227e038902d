"""The history process in a thread, with real sockets for identify and dispatch."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import zmq

from streamer.bus.curve import make_keys
from streamer.bus.sockets import Bus, Security, Socket, open_bus
from streamer.history import queries
from streamer.history.database import history, history_file
from streamer.history.process import History, HistoryEndpoints
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.runtime.stats import StatsReporter
from streamer.wire.codec import decode, encode
from streamer.wire.messages import IdentityEvent, KeptCrop, Stats, TrackFeedback
from tests.streamer.history.heard import ALL, LIMITS, crops, event

PATIENCE_MS = 60_000


class Running:
    """A history in a thread; `identify` publishes to it, `dispatch` sends it crops."""

    def __init__(self, bus: Bus, folder: Path, kept: str, security: Security) -> None:
        self.path = history_file(folder)
        self._security = security
        endpoints = HistoryEndpoints(f"ipc://{folder}/events", f"ipc://{folder}/ingest", kept)
        self.identify = bus.bind(zmq.XPUB, endpoints.events)
        self._ingest = bus.bind(zmq.PULL, endpoints.ingest)
        self._stop = Stop()
        self._thread = threading.Thread(target=self._run, args=(endpoints,), daemon=True)
        self._thread.start()
        self.dispatch: Socket = bus.connect(zmq.PUSH, kept)
        for _ in range(4):
            assert self.identify.poll(PATIENCE_MS)
            self.identify.recv()

    def _run(self, endpoints: HistoryEndpoints) -> None:
        with open_bus(self._security) as bus:
            service = History(self.path, endpoints, ALL, LIMITS)
            service.run(bus, self._stop, Heartbeat(None, self._stop))

    def publish(self, said: IdentityEvent) -> None:
        self.identify.send_multipart([b"identity/door", *encode(said)])

    def wait(self, holds: Callable[[Stats], bool]) -> Stats:
        """Read its reports, which always add up, until one is as wanted."""
        while self._ingest.poll(PATIENCE_MS):
            report, _ = decode(self._ingest.recv_multipart())
            assert isinstance(report, Stats)
            assert [stage.unaccounted for stage in report.stages] == [0] * len(report.stages)
            if holds(report):
                return report
        pytest.fail("it never came")

    def end(self) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_MS / 1000)
        assert not self._thread.is_alive()


@contextmanager
def running(folder: Path, kept: str = "", security: Security | None = None) -> Iterator[Running]:
    with open_bus(security) as bus:
        service = Running(bus, folder, kept or f"ipc://{folder}/kept", security or Security())
        try:
            yield service
        finally:
            service.end()


def test_what_is_published_and_kept_is_written(folder: Path) -> None:
    with running(folder) as service:
        for kept in crops(1, 0.5, 0.9):
            message = encode(KeptCrop(kept.info, kept.weights), kept.pixels, kept.embedding)
            service.dispatch.send_multipart(message)
        service.publish(event("enter", 1, None, "unknown-7"))
        report = service.wait(lambda stats: stats.stages[1].forwarded == 2)
        assert [stage.stage for stage in report.stages] == [
            "history", "kept crops", "history messages",
        ]  # fmt: skip
        assert (report.role, report.fault) == ("history", "")
    with history(service.path) as connection:
        assert [person.crops for person in queries.kept_strangers(connection)] == [2]


def test_identifys_last_words_are_written(folder: Path) -> None:
    with running(folder) as service:
        service.publish(event("enter", 1, "Zoë"))
        service.wait(lambda stats: stats.stages[0].forwarded == 1)
        ended = threading.Thread(target=service.end)
        ended.start()
        service.wait(lambda stats: stats.final)
        service.publish(event("exit", 1, "Zoë", at_s=3))
        last = StatsReporter("identify", "identify").make((), final=True)
        service.identify.send_multipart([b"stats", *encode(last)])
        ended.join(PATIENCE_MS / 1000)
    with history(service.path) as connection:
        told = queries.events(connection, queries.Wanted())
    assert [row["event"] for row in told] == ["enter", "exit"]


def test_what_is_no_message_is_counted_and_changes_nothing(folder: Path) -> None:
    (good,) = crops(1, 0.5)
    header = encode(KeptCrop(good.info, "w"))[0]
    nan = np.full(128, np.nan, "<f4").tobytes()
    with running(folder) as service:
        for parts in (
            [b"\xc1"],
            [header, good.pixels],
            [header, good.pixels[1:], good.embedding],
            [header, good.pixels, nan],
            [header, good.pixels, bytes(512)],
            encode(TrackFeedback(camera="a", epoch="b", track=1, sequence=1, certain=True)),
        ):
            service.dispatch.send_multipart(parts)
        service.identify.send_multipart([b"identity/door", b"nonsense"])
        report = service.wait(lambda stats: stats.stages[2].dropped.get("malformed", 0) == 7)
        assert report.stages[1].received == 0


def test_over_tcp_only_hosts_that_send_pictures_may_send_crops_to_keep(folder: Path) -> None:
    make_keys(folder / "keys", {"capture": ["shop"], "worker": ["gpu"], "subscriber": ["page"]})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        kept = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with (
        running(folder, kept, Security(folder / "keys")) as service,
        open_bus(Security(folder / "keys" / "shop")) as shop,
        open_bus(Security(folder / "keys" / "gpu")) as gpu,
        open_bus(Security(folder / "keys" / "page")) as page,
    ):
        for number, bus in enumerate((gpu, page, shop), start=1):
            (crop,) = crops(number, 0.5)
            message = encode(KeptCrop(crop.info, crop.weights), crop.pixels, crop.embedding)
            bus.connect(zmq.PUSH, kept).send_multipart(message)
            service.publish(event("enter", number, None, f"unknown-{number}"))
        service.wait(lambda stats: stats.stages[1].forwarded == 1)
        service.wait(lambda stats: stats.stages[0].forwarded == 3)
    with history(service.path) as connection:
        assert [person.name for person in queries.kept_strangers(connection)] == ["unknown-3"]
