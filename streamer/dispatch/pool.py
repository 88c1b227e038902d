"""The workers: who has asked for work, and which batch is in whose hands.

Pure state without sockets; times are seconds of the monotonic clock.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from streamer.dispatch.asked import AskedBatch
from streamer.dispatch.queue import QueuedCrop

_IDLE_EXPIRY_S = 5.0


@dataclass(frozen=True)
class BatchOut:
    """A batch in a worker's hands: live crops, or those that were asked for."""

    number: int
    worker: bytes
    crops: list[QueuedCrop]
    deadline: float
    asked: AskedBatch | None = None


@dataclass
class _Idle:
    """A worker that has asked for work, and repeats it every second while it waits."""

    capacity: int
    heard: float


class WorkerPool:
    """Workers that are idle or have one batch; one that has fallen silent is neither."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._idle: dict[bytes, _Idle] = {}
        self._out: dict[int, BatchOut] = {}
        # A worker may answer a batch of a dispatch that is gone: no other run has these numbers.
        self._next_number = secrets.randbits(62)

    @property
    def held(self) -> int:
        """How many live crops are in the workers' hands."""
        return sum(len(out.crops) for out in self._out.values())

    @property
    def held_asked(self) -> int:
        """How many crops that were asked for are in the workers' hands."""
        return sum(len(out.asked.pixels) for out in self._out.values() if out.asked is not None)

    def ready(self, worker: bytes, capacity: int, now: float) -> None:
        """Note that a worker asks for work; one that has a batch asked before it came."""
        if worker not in self.busy():
            self._idle[worker] = _Idle(capacity, now)

    def busy(self) -> set[bytes]:
        """Workers that have a batch."""
        return {out.worker for out in self._out.values()}

    def idle(self, now: float) -> list[tuple[bytes, int]]:
        """Workers that wait for work with their capacities, those that wait longest first."""
        for worker, idle in list(self._idle.items()):
            if now - idle.heard > _IDLE_EXPIRY_S:
                del self._idle[worker]
        return [(worker, idle.capacity) for worker, idle in self._idle.items()]

    def next_number(self) -> int:
        """Return a number that no other batch has."""
        number, self._next_number = self._next_number, self._next_number + 1
        return number

    def gave(self, number: int, worker: bytes, crops: list[QueuedCrop], now: float) -> None:
        """Note a batch that was sent."""
        self.forget_idle(worker)
        self._out[number] = BatchOut(number, worker, crops, now + self._timeout_s)

    def gave_asked(self, number: int, worker: bytes, asked: AskedBatch, now: float) -> None:
        """Note a batch of crops that were asked for."""
        self.forget_idle(worker)
        self._out[number] = BatchOut(number, worker, [], now + self._timeout_s, asked)

    def finish_asked(self, number: int, worker: bytes, count: int) -> AskedBatch | None:
        """Return a batch of crops that were asked for; None if this worker has no such batch."""
        out = self._out.get(number)
        if out is None or out.asked is None or out.worker != worker:
            return None
        if len(out.asked.pixels) != count:
            return None
        del self._out[number]
        return out.asked

    def forget_idle(self, worker: bytes) -> None:
        """Note that a worker waits no longer, or that it cannot be reached."""
        self._idle.pop(worker, None)

    def finish(self, number: int, worker: bytes, count: int) -> list[QueuedCrop] | None:
        """Return the crops of a batch that is done; None if this worker has no such batch."""
        out = self._out.get(number)
        if out is None or out.worker != worker or len(out.crops) != count:
            return None
        del self._out[number]
        return out.crops

    def take_lost(self, gone: Collection[bytes], now: float) -> list[BatchOut]:
        """Take back the batches of workers that are gone or have been silent for too long."""
        lost = [out for out in self._out.values() if out.worker in gone or now > out.deadline]
        for out in lost:
            del self._out[out.number]
        return lost

    def clear(self) -> int:
        """Give every batch up; return how many crops they had."""
        held = self.held
        self._out.clear()
        return held


def shares(waiting: int, capacities: Sequence[int]) -> list[int]:
    """Share the waiting crops evenly among the idle workers, within each one's capacity."""
    given = []
    for position, capacity in enumerate(capacities):
        share = min(capacity, -(-waiting // (len(capacities) - position)))
        given.append(share)
        waiting -= share
    return given
