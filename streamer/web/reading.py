"""Reading a subscription in the loop of asyncio."""

import asyncio
from collections.abc import Callable

import zmq

from streamer.client.subscriber import Event, Subscriber

_AT_ONCE = 200
_LOOK_S = 0.05
Take = Callable[[Event, bytes], None]


class Reading:
    """Hands every event of a subscriber to `take`, in the loop's thread, from `start` to `stop`.

    ZeroMQ's descriptor tells of a change once, and perhaps while something else is done with the
    socket; so it is looked at 20 times a second, too.
    """

    def __init__(self, subscriber: Subscriber, take: Take) -> None:
        self._subscriber = subscriber
        self._take = take
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._drain)
        self._look()

    def stop(self) -> None:
        """End; the subscriber may be closed afterwards."""
        if self._loop is not None:
            self._loop.remove_reader(self._descriptor)
        if self._timer is not None:
            self._timer.cancel()

    @property
    def _descriptor(self) -> int:
        return int(self._subscriber.socket.getsockopt(zmq.FD))

    def _look(self) -> None:
        self._drain()
        if self._loop is not None:
            self._timer = self._loop.call_later(_LOOK_S, self._look)

    def _drain(self) -> None:
        for _ in range(_AT_ONCE):
            received = self._subscriber.receive(0.0)
            if received is None:
                return
            self._take(*received)
