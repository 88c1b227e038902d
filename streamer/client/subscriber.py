"""Subscribing from a program: typed events from a running pipeline."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import zmq

from streamer.errors import ProtocolError
from streamer.wire.messages import FrameEvent, GalleryEvent, IdentityEvent, Stats, decode
from streamer.wire.sockets import Bus, Security

Event = IdentityEvent | FrameEvent | GalleryEvent | Stats
SUBSCRIBER_HWM = 1000


class Subscriber:
    """A connection to the events of a pipeline, for one thread; use it in a `with` block.

    Parameters
    ----------
    address: as `bus.events` of the config, with an absolute path: "ipc:///…/run/events".
    topics: what to receive: "identity/", "identity/door", "frame/door", "stats", "gallery".
    keys: folder of CURVE keys, for tcp; insecure: tcp without encryption, as the pipeline's.

    `missed` counts events lost because this program was too slow; `malformed` what was no event.
    """

    def __init__(
        self,
        address: str,
        topics: Sequence[str] = ("identity/",),
        keys: Path | None = None,
        insecure: bool = False,
    ) -> None:
        self._bus = Bus(Security(keys, insecure))
        self._topics = tuple(topics)
        self.socket = self._bus.connect(zmq.SUB, address, SUBSCRIBER_HWM)
        for topic in topics:
            self.socket.subscribe(topic.encode())
        self._numbers: Counter[str] = Counter()
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

    def close(self) -> None:
        """Leave."""
        self._bus.close()

    def receive(self, timeout_s: float | None = None) -> tuple[Event, bytes] | None:
        """The next event and its picture (empty but for frames); None when the time is up."""
        while self.socket.poll(None if timeout_s is None else round(timeout_s * 1000)):
            topic, *parts = self.socket.recv_multipart()
            try:
                message, buffers = decode(parts)
            except ProtocolError:
                self.malformed += 1
                continue
            if not isinstance(message, Event):
                continue
            if isinstance(message, IdentityEvent):
                if topic != f"identity/{message.camera}".encode():
                    self.malformed += 1
                    continue
                self._count(message)
            return message, bytes(buffers[0]) if buffers else b""
        return None

    def _count(self, event: IdentityEvent) -> None:
        last = self._numbers[event.camera]
        if 0 < last < event.number - 1:
            self.missed += event.number - 1 - last
        self._numbers[event.camera] = event.number


def subscribe(
    address: str, keys: Path | None = None, insecure: bool = False
) -> Iterator[IdentityEvent]:
    """Identity events of all cameras, for ever; ends the connection when the loop is left.

    for event in subscribe("ipc:///home/me/facestream/var/run/events"):
        print(event.event, event.identity, event.camera)
    """
    with Subscriber(address, keys=keys, insecure=insecure) as subscriber:
        while True:
            received = subscriber.receive()
            if received is not None and isinstance(received[0], IdentityEvent):
                yield received[0]
