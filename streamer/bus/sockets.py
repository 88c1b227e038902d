"""ZeroMQ sockets with limits: high-water marks before connect, linger 0, CURVE on tcp."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import zmq

from streamer.bus.admission import Admission
from streamer.bus.curve import KeyRole, load_key
from streamer.errors import ConfigError
from streamer.files import private_folder
from streamer.wire.codec import MAX_PART_BYTES

HIGH_WATER_MARK = 256
IPC_RETRY_MS = 200
KEEP_ALIVE_IDLE_S = 5
KEEP_ALIVE_INTERVAL_S = 2
OLDEST_LIBZMQ = (4, 3, 5)
"""Peers can crash those before 4.3.3 without a key (CVE-2020-15166); 4.3.4 is not tried."""

Socket = zmq.Socket[bytes]

Delivery = Literal["sent", "full", "gone"]


@dataclass(frozen=True)
class Security:
    """How tcp is protected: CURVE with the keys in a folder, or not at all if so configured."""

    keys: Path | None = None
    insecure: bool = False


def is_tcp(address: str) -> bool:
    """Return whether an address leaves this host's file system."""
    return address.startswith("tcp://")


def check_libzmq(found: tuple[int, int, int] | None = None) -> None:
    """Raise ConfigError where libzmq is older than what is tried."""
    found = found or zmq.zmq_version_info()
    if found < OLDEST_LIBZMQ:
        needed = ".".join(map(str, OLDEST_LIBZMQ))
        raise ConfigError(
            f"libzmq must be {needed} or newer, for what is on the network. Received: "
            f"{'.'.join(map(str, found))}; install pyzmq's own wheel: "
            f"pip install --force-reinstall --only-binary :all: pyzmq"
        )


class Bus:
    """One process's ZeroMQ context; makes its sockets and closes them all.

    Use it in the thread that uses the sockets. A folder of ipc sockets is made if it is below
    `data_path`, and must exist otherwise. Raises ConfigError where a key or an address cannot be
    used.
    """

    def __init__(self, security: Security | None = None, data_path: Path | None = None) -> None:
        check_libzmq()
        self._security = security or Security()
        self._data_path = data_path
        self._context: zmq.Context[Socket] = zmq.Context()
        self._admission: Admission | None = None
        self._sockets: list[Socket] = []

    def bind(
        self,
        kind: int,
        address: str,
        hwm: int = HIGH_WATER_MARK,
        roles: Sequence[KeyRole] = (),
    ) -> Socket:
        """Make a bound socket.

        On tcp it admits keys that are authorised for one of `roles`, and those of this host's own
        processes; on ipc, whoever may open the file.
        """
        socket = self._socket(kind, hwm)
        if is_tcp(address) and not self._security.insecure:
            if self._admission is None:
                self._admission = Admission(self._context, self._keys())
            self._admission.guard(socket, roles)
        if address.startswith("ipc://"):
            self._make_room(address)
        try:
            socket.bind(address)
        except zmq.ZMQError as error:
            raise ConfigError(f"cannot listen on {address}: {error.strerror}") from error
        return socket

    def connect(
        self, kind: int, address: str, hwm: int = HIGH_WATER_MARK, immediate: bool = False
    ) -> Socket:
        """Make a connecting socket; it goes on trying for as long as it lives.

        On this host it tries five times a second, so that whoever was there before the other side
        hears it from its first message on. With `immediate`, nothing is kept for a side that is
        not there: sending says so, and closing need not wait for it.
        """
        socket = self._socket(kind, hwm)
        socket.immediate = immediate
        if not is_tcp(address):
            socket.reconnect_ivl_max = IPC_RETRY_MS
        if is_tcp(address) and not self._security.insecure:
            folder = self._keys()
            public, secret = load_key(folder / "client.key_secret")
            socket.curve_publickey, socket.curve_secretkey = public, secret
            socket.curve_serverkey = load_key(folder / "server.key")[0]
        try:
            socket.connect(address)
        except zmq.ZMQError as error:
            raise ConfigError(f"cannot connect to {address}: {error.strerror}") from error
        return socket

    def monitor(self, socket: Socket, events: int = zmq.EVENT_ALL) -> Socket:
        """Watch the connections of one of this bus's sockets.

        The result is read with `zmq.utils.monitor.recv_monitor_message`; `close` closes it, too.
        """
        monitor = socket.get_monitor_socket(events)
        monitor.linger = 0
        return monitor

    def close(self, linger_ms: int = 0) -> None:
        """Close everything; waits at most `linger_ms` for messages still on their way out.

        No socket of the context is left out, whoever made it: one that stayed open would hold
        the process here for ever.
        """
        for socket in self._sockets:
            socket.close(linger=linger_ms)
        if self._admission is not None:
            self._admission.close()
        self._context.destroy(linger=0)

    def _socket(self, kind: int, hwm: int) -> Socket:
        socket = self._context.socket(kind)
        socket.linger = 0
        socket.sndhwm = socket.rcvhwm = hwm
        socket.maxmsgsize = MAX_PART_BYTES
        # TCP's keep-alive, and not ZMTP's heartbeats: with those, libzmq 4.3.5 aborts the process
        # ("Assertion failed: _input_stopped") over a reader that stops at its high-water mark.
        socket.tcp_keepalive, socket.tcp_keepalive_idle = 1, KEEP_ALIVE_IDLE_S
        socket.tcp_keepalive_intvl, socket.tcp_keepalive_cnt = KEEP_ALIVE_INTERVAL_S, 3
        socket.reconnect_ivl = 100
        socket.reconnect_ivl_max = 2000
        self._sockets.append(socket)
        return socket

    def _make_room(self, address: str) -> None:
        """Make the folder of a socket below data_path; ZeroMQ would replace whatever is there."""
        path = Path(os.path.realpath(address.removeprefix("ipc://")))
        folder = path.parent
        try:
            if self._data_path is not None and folder.is_relative_to(self._data_path):
                private_folder(folder)
            if not folder.is_dir():
                raise ConfigError(f"cannot listen on {address}: its folder must exist")
            if os.path.lexists(path) and not path.is_socket():
                raise ConfigError(f"cannot listen on {address}: what is there is no socket")
        except OSError as error:
            raise ConfigError(f"cannot listen on {address}: {error.strerror}") from error

    def _keys(self) -> Path:
        if self._security.keys is None:
            raise ConfigError(
                "tcp:// needs CURVE keys: make them with `facestream keys`, name their folder in "
                "bus.keys, or set bus.insecure = true"
            )
        return self._security.keys


@contextmanager
def open_bus(security: Security | None = None, linger_ms: int = 0) -> Iterator[Bus]:
    """Make a Bus that is closed at the end of the block."""
    bus = Bus(security)
    try:
        yield bus
    finally:
        bus.close(linger_ms)


def receive_all(socket: Socket, limit: int = 1000) -> Iterator[list[bytes]]:
    """Yield what has arrived, without waiting; at most `limit` messages, so that a flood ends."""
    for _ in range(limit):
        try:
            yield socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return


def try_send(socket: Socket, parts: list[Any]) -> bool:
    """Send without waiting. False where the queue is full or nobody is connected."""
    try:
        socket.send_multipart(parts, zmq.NOBLOCK, copy=True)
    except zmq.Again:
        return False
    return True


def send_to_peer(router: Socket, peer: bytes, parts: Sequence[bytes | memoryview]) -> Delivery:
    """Send to one peer of a ROUTER with `router_mandatory`, without waiting.

    "full" is a peer that is there and takes no more at the moment; "gone" is none.
    """
    try:
        router.send_multipart([peer, *parts], zmq.NOBLOCK)
    except zmq.ZMQError as error:
        if error.errno == zmq.EAGAIN:
            return "full"
        if error.errno == zmq.EHOSTUNREACH:
            return "gone"
        raise
    return "sent"
