"""The web process: an ordinary subscriber that serves browsers and other programs."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Iterator

import uvicorn
import zmq

from streamer.bus.sockets import Bus
from streamer.client.subscriber import Subscriber
from streamer.config.sections import Config
from streamer.config.surroundings import web_faults
from streamer.errors import ConfigError
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.runtime.stats import StatsReporter
from streamer.web.app import make_app
from streamer.web.pictures import Pictures
from streamer.web.reading import Reading
from streamer.web.state import State
from streamer.wire.messages import FrameEvent, PlainFrameEvent

log = logging.getLogger(__name__)

TOPICS = ("identity/", "presence/", "stats", "gallery", "correction", "expiry")
EVENTS_HWM = 2000
PICTURES_HWM = 16
_BACKLOG = 128
_MAX_CONNECTIONS = 256
_TURN_S = 0.2
_AGAIN_S = 2.0
_END_S = 1


class Web:
    """`run()` owns the sockets and serves until `stop` is set."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def run(self, bus: Bus, stop: Stop, heartbeat: Heartbeat) -> None:
        """Serve. Raises ConfigError where it would not be safe."""
        if faults := web_faults(self._config):
            raise ConfigError("\n".join(f"{self._config.path}: {fault}" for fault in faults))
        _check_certificate(self._config)
        ingest = bus.connect(zmq.PUSH, self._config.address("ingest"), immediate=True)
        reporter = StatsReporter("web", "web", ingest)
        with (
            self._subscribed("events", TOPICS, EVENTS_HWM) as events,
            self._subscribed("pictures", (), PICTURES_HWM) as pictures,
        ):
            asyncio.run(self._serve(events, pictures, stop, heartbeat, reporter))

    async def _serve(
        self,
        events: Subscriber,
        pictures: Subscriber,
        stop: Stop,
        heartbeat: Heartbeat,
        reporter: StatsReporter,
    ) -> None:
        state = State(self._config, Pictures(pictures))
        serving = _Serving(self._config, state, stop, heartbeat, reporter)
        await serving.serve(events, pictures)
        reporter.send(state.stages(), final=True)

    def _subscribed(self, name: str, topics: tuple[str, ...], hwm: int) -> Subscriber:
        security = self._config.security
        address = self._config.address(name)
        return Subscriber(address, topics, security.keys, security.insecure, hwm)


class _Serving:
    """The loop: what is heard is taken in, and browsers are answered."""

    def __init__(
        self,
        config: Config,
        state: State,
        stop: Stop,
        heartbeat: Heartbeat,
        reporter: StatsReporter,
    ) -> None:
        self._config = config
        self._state = state
        self._stop = stop
        self._heartbeat = heartbeat
        self._reporter = reporter

    async def serve(self, events: Subscriber, pictures: Subscriber) -> None:
        """Serve until the stop."""
        readings = [Reading(events, self._state.take), Reading(pictures, self._take_picture)]
        for reading in readings:
            reading.start()
        beating = asyncio.create_task(self._beat())
        try:
            with contextlib.closing(await self._listen()) as listening:
                if not self._stop.is_set():
                    await self._answer(listening)
        finally:
            beating.cancel()
            for reading in readings:
                reading.stop()

    async def _answer(self, listening: socket.socket) -> None:
        web, folder = self._config.web, self._config.path.parent
        settings = uvicorn.Config(
            make_app(self._state),
            ws="websockets-sansio",
            ws_max_size=64 * 1024,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_graceful_shutdown=_END_S,
            ssl_certfile=str(folder / web.cert) if web.cert else None,
            ssl_keyfile=str(folder / web.key) if web.key else None,
        )
        # Of what strangers send that is no HTTP, nothing is written down.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        server = _Server(settings)
        stopping = asyncio.create_task(self._end(server))
        try:
            await server.serve(sockets=[listening])
        finally:
            stopping.cancel()

    async def _end(self, server: uvicorn.Server) -> None:
        while not self._stop.is_set():
            await asyncio.sleep(_TURN_S)
        self._state.end()
        server.should_exit = True

    async def _beat(self) -> None:
        self._heartbeat.ready()
        while True:
            self._heartbeat.beat()
            self._reporter.tick(self._state.stages)
            await asyncio.sleep(_TURN_S)

    async def _listen(self) -> socket.socket:
        """Return a listening socket; while the port is taken, wait for it, and say so once.

        Nobody's page may be worth a pipeline that does not start, or one that ends.
        """
        web = self._config.web
        family = socket.AF_INET6 if ":" in web.address else socket.AF_INET
        while True:
            listening = socket.socket(family, socket.SOCK_STREAM)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listening.bind((web.address, web.port))
                listening.listen(_BACKLOG)
            except OSError as error:
                listening.close()
                if not self._reporter.fault:
                    self._reporter.fault = (
                        f"cannot listen on {web.address} port {web.port}: {error.strerror}; "
                        f"free it, or set web.port; it is tried again"
                    )
                    log.error("%s", self._reporter.fault)
            else:
                self._reporter.fault = ""
                return listening
            for _ in range(round(_AGAIN_S / _TURN_S)):
                await asyncio.sleep(_TURN_S)
                if self._stop.is_set():
                    return listening

    def _take_picture(self, event: object, jpeg: bytes) -> None:
        if isinstance(event, FrameEvent | PlainFrameEvent):
            self._state.cameras.take_picture(event)
            self._state.pictures.take(event, jpeg)


class _Server(uvicorn.Server):
    """One that leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _check_certificate(config: Config) -> None:
    """Raise ConfigError where https cannot be served with the files of the config."""
    web, folder = config.web, config.path.parent
    if not web.cert:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / web.cert, folder / web.key, password="")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigError(
            f"{config.path}: web.cert and web.key: must be a certificate and its key without a "
            f"password, in PEM: {error}"
        ) from error
