"""The connection to the broker, made again and again in a thread of its own.

Each connection is a client of its own, so that nothing of an earlier one, which may be out of date
by now, is sent again behind our back. Whatever the broker does, it can only fill queues that have
a limit.
"""

import contextlib
import logging
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from streamer.mqtt.inbound import Described, Reading, Received
from streamer.mqtt.outbox import Outgoing
from streamer.runtime.drop_log import printable

log = logging.getLogger(__name__)

KEEP_ALIVE_S = 15
CONNECT_S = 5.0
RETRY_MIN_S = 0.5
RETRY_MAX_S = 30.0
STEADY_S = 10.0
SWEEP_S = 10.0
MAX_IN_FLIGHT = 20
MAX_RECEIVED = 4096
MAX_PACKET = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class BrokerSettings:
    """Where the broker is and who we are. tls: None for a connection in the clear."""

    host: str
    port: int
    user: str
    password: str | None
    tls: ssl.SSLContext | None
    client_id: str

    def __repr__(self) -> str:
        return f"{self.host}:{self.port}"


class _Client(paho.Client):
    """A client that takes no packet beyond a limit, and says so where its thread ends.

    paho itself takes 256 MiB; and what it cannot read may end its thread.
    """

    on_end: Callable[[], None]

    def _thread_main(self) -> None:
        try:
            super()._thread_main()
        except Exception as error:  # noqa: BLE001 - whatever the broker has sent
            log.warning("what the broker sends cannot be read: %s", printable(repr(error)))
        finally:
            self.on_end()

    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > MAX_PACKET:
            raise OSError(f"the broker sends a packet of more than {MAX_PACKET} bytes")
        return super()._sock_recv(bufsize)


class Connection:
    """One connection, with what has come over it: received, acknowledged."""

    def __init__(self, client: _Client) -> None:
        self.client = client
        self.received: deque[Received] = deque(maxlen=MAX_RECEIVED)
        self.described: dict[str, Described] = {}
        self.acknowledged: deque[int] = deque()
        self.settled = threading.Event()  # up, or gone already
        self.up = threading.Event()
        self.gone = threading.Event()
        self.fault = ""


class Broker:
    """`turn` is called by the process's loop; `wake` by threads here, when there is a reason to."""

    def __init__(
        self, settings: BrokerSettings, will_topic: str, reading: Reading, wake: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._will_topic = will_topic
        self._reading = reading
        self._wake = wake
        self._stopping = threading.Event()
        self._connection: Connection | None = None
        self.fault = ""
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def connection(self) -> Connection | None:
        """Return the connection that is up; None while there is none."""
        connection = self._connection
        return connection if connection and connection.up.is_set() else None

    @staticmethod
    def publish(connection: Connection, message: Outgoing) -> int | None:
        """Send a message; return its number, or None where the connection is gone."""
        info = connection.client.publish(
            message.topic, message.payload, qos=1, retain=message.retain
        )
        return info.mid if info.rc == paho.MQTT_ERR_SUCCESS else None

    def stop(self, politely: bool) -> None:
        """End the connection; without a good-bye the broker publishes the will."""
        self._stopping.set()
        connection = self._connection
        if connection is not None and politely:
            connection.client.disconnect()
            connection.gone.wait(0.3)

    def _run(self) -> None:
        delay_s = RETRY_MIN_S
        while not self._stopping.is_set():
            began = time.monotonic()
            fault = self._serve_once()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > STEADY_S:
                delay_s = RETRY_MIN_S
            self._tell(fault)
            self._stopping.wait(delay_s)
            delay_s = min(2 * delay_s, RETRY_MAX_S)

    def _serve_once(self) -> str:
        """Connect and stay so; return why it is over."""
        client = self._make_client()
        connection = Connection(client)
        self._listen(connection)
        try:
            client.connect(self._settings.host, self._settings.port, KEEP_ALIVE_S)
        except (OSError, ValueError) as error:
            return f"it does not answer: {error}"
        self._connection = connection
        client.loop_start()
        if not connection.settled.wait(CONNECT_S):
            connection.fault = connection.fault or "it takes the connection and says nothing"
        elif not connection.gone.wait(SWEEP_S):
            client.unsubscribe(self._reading.sweep)
            connection.gone.wait()
        connection.up.clear()
        self._connection = None
        self._wake()
        _close(client)
        return connection.fault or "the connection broke off"

    def _make_client(self) -> _Client:
        settings = self._settings
        client = _Client(
            CallbackAPIVersion.VERSION2, settings.client_id, reconnect_on_failure=False
        )
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(MAX_IN_FLIGHT)
        client.will_set(self._will_topic, b"offline", qos=1, retain=True)
        if settings.user:
            client.username_pw_set(settings.user, settings.password)
        if settings.tls is not None:
            client.tls_set_context(settings.tls)
        return client

    def _listen(self, connection: Connection) -> None:
        """Set what paho calls, in its own thread."""
        subscriptions = [(topic, 1) for topic in self._reading.subscriptions + self._reading.sweep]

        def on_connect(client: paho.Client, *arguments: Any) -> None:
            reason = arguments[2]
            if reason.is_failure:
                connection.fault = f"it refuses the connection: {reason}"
                return
            client.subscribe(subscriptions)
            if self.fault:
                log.warning("the broker %s is there again", self._settings)
            self.fault = ""
            connection.up.set()
            connection.settled.set()
            self._wake()

        def on_end(*arguments: Any) -> None:
            connection.up.clear()
            connection.gone.set()
            connection.settled.set()
            self._wake()

        def on_message(client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
            try:
                topic = message.topic
            except UnicodeDecodeError:
                return
            read = self._reading.read(topic, bytes(message.payload), message.retain)
            if isinstance(read, Described):
                connection.described[read.device] = read
            elif read is not None:
                connection.received.append(read)
            if read is not None:
                self._wake()

        def on_publish(client: paho.Client, userdata: Any, number: int, *arguments: Any) -> None:
            connection.acknowledged.append(number)
            self._wake()

        client = connection.client
        client.on_connect = on_connect
        client.on_disconnect = client.on_end = on_end
        client.on_message = on_message
        client.on_publish = on_publish

    def _tell(self, why: str) -> None:
        fault = f"the broker {self._settings}: {why}"
        if fault != self.fault:
            log.warning("%s; it is tried again, and nothing else waits for it", fault)
        self.fault = fault


def _close(client: paho.Client) -> None:
    """End a client's connection, whatever it is doing, and its thread."""
    connected = client.socket()
    if isinstance(connected, socket.socket):
        with contextlib.suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)
    client.loop_stop()
