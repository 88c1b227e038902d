"""A web process in a thread, with real sockets: a publisher for it, and clients of it."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgpack
import websockets.sync.client as ws
import zmq

from streamer.bus.sockets import Bus, open_bus
from streamer.config.loading import load_config
from streamer.config.sections import Config
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.web.process import Web
from streamer.wire.codec import encode
from streamer.wire.messages import PlainFrameEvent
from tests.streamer.history.heard import event

PATIENCE_S = 60.0
CONFIG = """
[cameras.door]
source = "demo"
[cameras.hall]
source = "rtsp://ann:secret@192.0.2.1/stream"
[strangers]
keep = true
[history]
snapshots = true
[web]
port = {port}
"""
OURS = {"X-Requested-With": "facestream"}


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nobody listens on at the moment."""
    with closing(socket.socket()) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def web_config(folder: Path, more: str = "") -> Config:
    """A config with two cameras, and a page on a free port; `more` goes into [web]."""
    path = folder / "config.toml"
    path.write_text(CONFIG.format(port=free_port()) + more)
    return load_config(path)


class Publisher:
    """Binds what the web process subscribes to, and says what it is told to."""

    def __init__(self, bus: Bus, config: Config) -> None:
        self.events = bus.bind(zmq.XPUB, config.address("events"))
        self.pictures = bus.bind(zmq.XPUB, config.address("pictures"))
        self.ingest = bus.bind(zmq.PULL, config.address("ingest"))
        self._subscribed: set[bytes] = set()

    def wait_for(self, wanted: bytes, there: bool = True) -> None:
        """Wait until somebody has subscribed to a topic, or, if it is not to be there, none has."""
        until = time.monotonic() + PATIENCE_S
        while (wanted in self._subscribed) != there:
            assert time.monotonic() < until, (wanted, self._subscribed)
            for channel in (self.events, self.pictures):
                if channel.poll(20):
                    message = channel.recv()
                    change = self._subscribed.add if message[:1] == b"\x01" else None
                    (change or self._subscribed.discard)(message[1:])

    def tell(self, name: bytes, message: object) -> None:
        self.events.send_multipart([name, *encode(message)])

    def show(self, camera: str, number: int, width: int = 640, jpeg: bytes = b"jpeg") -> None:
        """Publish a plain picture."""
        shown = PlainFrameEvent(
            camera=camera, epoch="e", sequence=number, captured_utc="2026-05-01T12:00:00.000Z",
            age_ms=1.0, width=width, frame_wh=(width, 9 * width // 16), faces=(),
        )  # fmt: skip
        self.pictures.send_multipart([f"plain/{camera}/{width}".encode(), *encode(shown, jpeg)])

    def report(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read the web process's reports until one is as wanted; each must add up."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if not self.ingest.poll(1000):
                continue
            stats = msgpack.unpackb(self.ingest.recv_multipart()[0])
            for stage in stats["stages"]:
                gone = stage["forwarded"] + stage["pending"] + sum(stage["dropped"].values())
                assert stage["received"] == gone, stage
            stages = {stage["stage"]: stage for stage in stats["stages"]}
            if holds({**stats, **stages}):
                return {**stats, **stages}
        raise AssertionError("the report never said so")


class Served:
    """A running web process and how to reach it."""

    def __init__(
        self, config: Config, publisher: Publisher, trusted: ssl.SSLContext | None = None
    ) -> None:
        self.config = config
        self.publisher = publisher
        host = "http://127.0.0.1" if trusted is None else "https://localhost"
        self.url = f"{host}:{config.web.port}"
        self.http = httpx.Client(
            base_url=self.url, timeout=PATIENCE_S, headers=OURS, verify=trusted or True
        )

    def settle(self) -> None:
        """Wait until everything that was told has been heard."""
        mark = event("exit", 99)
        with self.http.stream("GET", "/api/events") as stream:
            lines = stream.iter_lines()
            next(lines)
            self.publisher.tell(b"identity/door", mark)
            while next(lines) != f"id: {mark.id}":
                pass

    def live(self, **more: Any) -> ws.ClientConnection:
        """Open the WebSocket of live pictures."""
        url = f"ws://127.0.0.1:{self.config.web.port}/ws/live"
        patience: dict[str, Any] = {"open_timeout": PATIENCE_S, "max_size": None, "proxy": None}
        connection: ws.ClientConnection = ws.connect(url, **patience, **more)
        return connection


@contextmanager
def served(
    config: Config,
    trusted: ssl.SSLContext | None = None,
    before: Callable[[Publisher], None] = lambda publisher: None,
) -> Iterator[Served]:
    """Serve while the block runs, once the port is open.

    trusted: whose https is believed. before: called before the port is tried.
    """
    stop = Stop()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with open_bus() as bus:
                Web(config).run(bus, stop, Heartbeat(None, stop))
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    with closing(Bus(data_path=config.data_path)) as bus:
        publisher = Publisher(bus, config)
        thread.start()
        before(publisher)
        here = Served(config, publisher, trusted)
        try:
            until = time.monotonic() + PATIENCE_S
            while not failed:
                try:
                    here.http.get("/")
                    break
                except httpx.TransportError:
                    assert time.monotonic() < until
                    time.sleep(0.02)
            if not failed:
                publisher.wait_for(b"presence/")
                yield here
        finally:
            here.http.close()
            stop.set()
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
    if failed:
        raise failed[0]
