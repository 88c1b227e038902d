"""Events for programs that listen over HTTP, and what they missed while they were away.

A listener that goes on from an event hears what came after it: from the history, and what the
history does not have yet, or never has, from memory: of the last two minutes, and with the gallery
in use alone, so that nobody who is forgotten is in it.
"""

import asyncio
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

from streamer.wire.counters import StageCount, StageCounters
from streamer.wire.messages import CorrectionEvent, ExpiryEvent, GalleryEvent, IdentityEvent

MAX_LISTENERS = 64
MAX_WAITING = 1000
KEPT_S = 120.0
MAX_KEPT = 5000


@dataclass(frozen=True)
class Told:
    """An event as it is told: its name, its id where the history knows it by one, its fields."""

    name: str
    id: str | None
    data: dict[str, Any]


@dataclass(eq=False)
class Listener:
    """One who listens. One who is too slow is told no more: `lost` is set."""

    camera: str = ""
    person: str = ""
    updates: bool = False
    lost: bool = False
    waiting: deque[Told] = field(default_factory=deque)
    bell: asyncio.Event = field(default_factory=asyncio.Event)

    def wants(self, told: Told) -> bool:
        """Return whether the listener asked for such an event."""
        data = told.data
        return (
            (self.updates or told.name != "update")
            and (not self.camera or data.get("camera", self.camera) == self.camera)
            and (
                not self.person
                or told.name not in ("enter", "update", "exit")
                or self.person in (data.get("identity"), data.get("stranger"))
            )
        )


class EventHub:
    """Tells every listener of every event."""

    def __init__(self) -> None:
        self.listeners: set[Listener] = set()
        self._kept: deque[tuple[float, Told]] = deque(maxlen=MAX_KEPT)
        self._account = StageCounters("web events")
        self._gallery = ""

    def take(self, event: object) -> None:
        """Tell of an event."""
        told = self._told(event)
        if told is None:
            return
        now = time.monotonic()
        if told.id is not None:
            self._kept.append((now, told))
        while self._kept and now - self._kept[0][0] > KEPT_S:
            self._kept.popleft()
        for listener in self.listeners:
            if not listener.wants(told):
                continue
            self._account.receive()
            if listener.lost or len(listener.waiting) >= MAX_WAITING:
                listener.lost = True
                self._account.drop("too_slow")
            else:
                listener.waiting.append(told)
            listener.bell.set()

    def listen(self, camera: str, person: str, updates: bool) -> Listener:
        """Return a new listener, to be forgotten with `leave`."""
        listener = Listener(camera, person, updates)
        self.listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Tell this one no more."""
        self.listeners.discard(listener)
        self._account.drop("left", len(listener.waiting))
        listener.waiting.clear()

    def next(self, listener: Listener) -> Told | None:
        """Return what is to be told now, or None."""
        if not listener.waiting:
            return None
        self._account.forward()
        return listener.waiting.popleft()

    def after(self, event: str) -> list[Told] | None:
        """Return what is in memory after an event; None where that event is not."""
        kept = self.kept
        for place, told in enumerate(kept):
            if told.id == event:
                return kept[place + 1 :]
        return None

    @property
    def kept(self) -> list[Told]:
        """What is in memory, the newest last."""
        since = time.monotonic() - KEPT_S
        return [told for at, told in self._kept if at >= since]

    def stage(self) -> StageCount:
        """Return the account: of each listener, every event."""
        return self._account.snapshot(sum(len(each.waiting) for each in self.listeners))

    def _told(self, event: object) -> Told | None:
        match event:
            case IdentityEvent():
                return Told(event.event, event.id, asdict(event))
            case CorrectionEvent():
                return Told("correction", None, asdict(event))
            case ExpiryEvent():
                return Told("expiry", None, asdict(event))
            case GalleryEvent() if event.version != self._gallery:
                self._gallery = event.version
                self._kept.clear()  # somebody may have been forgotten
                return Told("gallery", None, {"version": event.version, "people": event.people})
        return None
