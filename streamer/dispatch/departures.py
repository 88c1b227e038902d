"""Workers that are gone with a batch.

ZeroMQ tells only that some peer disconnected. Sending to a peer that is gone fails, once the
socket has heard of it, so a moment later every worker with a batch is sent an empty one.
"""

import math
from collections.abc import Collection

import zmq
from zmq.utils.monitor import recv_monitor_message

from streamer.bus.sockets import Bus, Socket, send_to_peer
from streamer.wire.codec import encode
from streamer.wire.messages import Batch

_PROBE_PAUSE_S = 0.1


class Departures:
    """Watches a ROUTER socket; `monitor` is to be polled with it."""

    def __init__(self, bus: Bus, work: Socket) -> None:
        self.monitor = bus.monitor(work, zmq.EVENT_DISCONNECTED)
        self._work = work
        self._probe_at = math.inf

    def gone(self, busy: Collection[bytes], now: float) -> set[bytes]:
        """Return which of the workers that have a batch are gone."""
        while self.monitor.poll(0):
            recv_monitor_message(self.monitor)
            self._probe_at = min(self._probe_at, now + _PROBE_PAUSE_S)
        if now < self._probe_at:
            return set()
        self._probe_at = math.inf
        probe = encode(Batch(0, 0))
        return {worker for worker in busy if send_to_peer(self._work, worker, probe) == "gone"}
