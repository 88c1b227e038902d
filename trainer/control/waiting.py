"""Who waits for a job: for its end, or for the next change of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from streamer.wire.control import Job
from trainer.control.job_files import StoredJob

MAX_WAITERS = 256
Envelope = list[bytes]


@dataclass(frozen=True)
class Waiter:
    """Somebody who waits for a job's revision above `seen`, or, without one, for its end."""

    envelope: Envelope
    id: str
    job: StoredJob
    seen: int | None
    until_s: float

    @property
    def is_ready(self) -> bool:
        """True once there is what is waited for."""
        state = self.job.state
        return state.finished or (self.seen is not None and state.revision > self.seen)

    @property
    def answer(self) -> Job:
        """The job as it is, for whoever asked."""
        return replace(self.job.state, id=self.id)


class Waiting:
    """At most `MAX_WAITERS` of them."""

    def __init__(self) -> None:
        self._waiters: list[Waiter] = []

    def add(self, waiter: Waiter) -> bool:
        """Have somebody wait; False where they are to be answered at once."""
        if waiter.is_ready or len(self._waiters) >= MAX_WAITERS:
            return False
        self._waiters.append(waiter)
        return True

    def over(self, now: float) -> Iterator[Waiter]:
        """Yield whose time is up, or who have what they wait for; they wait no longer."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if waiter.is_ready or now >= waiter.until_s:
                yield waiter
            else:
                self._waiters.append(waiter)
