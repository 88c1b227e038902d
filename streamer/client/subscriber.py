"""Subscribing from a program: typed events from a running pipeline."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import zmq

from streamer.bus.sockets import Bus, Security
from streamer.errors import ProtocolError
from streamer.wire.codec import decode
from streamer.wire.messages import (
    CorrectionEvent,
    ExpiryEvent,
    FrameEvent,
    GalleryEvent,
    IdentityEvent,
    PauseEvent,
    PlainFrameEvent,
    PresenceEvent,
    Stats,
)
from streamer.wire.topics import matches

Event = (
    IdentityEvent
    | PresenceEvent
    | FrameEvent
    | PlainFrameEvent
    | GalleryEvent
    | CorrectionEvent
    | ExpiryEvent
    | PauseEvent
    | Stats
)
SUBSCRIBER_HWM = 1000


class Subscriber:
    """A connection to a pipeline's events or pictures, for one thread; use it in a `with` block.

    Parameters
    ----------
    address: as `bus.events` or `bus.pictures` of the config, with an absolute path:
        "ipc:///…/run/events".
    topics: what to receive. "identity/door" is that camera's; "identity/" every camera's;
        likewise "presence/", "pause/", and "frame/" and "plain/door/640" from `bus.pictures`;
        "stats", "gallery", "correction", "expiry".
    keys: folder of CURVE keys, for tcp; insecure: tcp without encryption, as the pipeline's.
    hwm: how many messages wait for this program at most.

    `missed` counts events lost because this program was too slow; `malformed` what was no event.
    """

    def __init__(
        self,
        address: str,
        topics: Sequence[str] = ("identity/",),
        keys: Path | None = None,
        insecure: bool = False,
        hwm: int = SUBSCRIBER_HWM,
    ) -> None:
        self._bus = Bus(Security(keys, insecure))
        self._topics: set[str] = set()
        self.socket = self._bus.connect(zmq.SUB, address, hwm)
        for topic in topics:
            self.subscribe(topic)
        self._numbers: dict[str, tuple[str, int]] = {}
        self.missed = 0
        self.malformed = 0

    def __enter__(self) -> "Subscriber":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def subscribe(self, topic: str) -> None:
        """Receive this, too, from now on."""
        self._topics.add(topic)
        self.socket.subscribe(topic.encode())

    def unsubscribe(self, topic: str) -> None:
        """Receive this no more."""
        self._topics.discard(topic)
        self.socket.unsubscribe(topic.encode())

    def close(self) -> None:
        """Close the connection."""
        self._bus.close()

    def receive(self, timeout_s: float | None = None) -> tuple[Event, bytes] | None:
        """Return the next event and its picture (empty but for frames); None when the time is up.

        Without a time-out it waits for ever.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while self.socket.poll(_left_ms(until)):
            topic, *parts = self.socket.recv_multipart()
            received = self._event(topic, parts)
            if received is not None:
                return received
            if until is not None and time.monotonic() >= until:
                break
        return None

    def _event(self, topic: bytes, parts: list[bytes]) -> tuple[Event, bytes] | None:
        if not matches(self._topics, topic):
            return None  # ZeroMQ subscribes to prefixes: `door` lets `door2` through
        try:
            message, buffers = decode(parts)
        except ProtocolError:
            self.malformed += 1
            return None
        if not isinstance(message, Event):
            return None
        camera = getattr(message, "camera", None)
        if camera is not None and topic.split(b"/")[1:2] != [camera.encode()]:
            self.malformed += 1
            return None
        if isinstance(message, IdentityEvent):
            self._count(message)
        return message, bytes(buffers[0]) if buffers else b""

    def _count(self, event: IdentityEvent) -> None:
        epoch, last = self._numbers.get(event.camera, ("", 0))
        if epoch == event.epoch and last < event.number - 1:
            self.missed += event.number - 1 - last
        self._numbers[event.camera] = event.epoch, event.number


def subscribe(
    address: str, keys: Path | None = None, insecure: bool = False
) -> Iterator[IdentityEvent]:
    """Yield identity events of all cameras, for ever; leaving the loop closes the connection.

    for event in subscribe("ipc:///home/me/facestream/var/run/events"):
        print(event.event, event.identity, event.camera)
    """
    with Subscriber(address, keys=keys, insecure=insecure) as subscriber:
        while True:
            received = subscriber.receive()
            if received is not None and isinstance(received[0], IdentityEvent):
                yield received[0]


def _left_ms(until: float | None) -> int | None:
    return None if until is None else max(0, round((until - time.monotonic()) * 1000))
