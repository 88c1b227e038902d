"""What waits for the broker: of each state the newest, and events up to a limit.

Nothing here knows the broker: `next` gives what is to be sent, `sent`, `acknowledged` and `lost`
tell what became of it. Payloads of retained topics are kept, to be sent again after a connection.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from streamer.wire.counters import StageCount, StageCounters

MAX_EVENTS = 100
MAX_ONCE = 20
MAX_EVENT_AGE_S = 60.0
"""An event that comes later would set off what was meant for then."""


@dataclass(frozen=True)
class Outgoing:
    """A message. who: whom an event is about; queued_s: monotonic, infinite for what stays true."""

    topic: str
    payload: bytes
    retain: bool
    who: str = ""
    queued_s: float = float("inf")


class Outbox:
    """States are retained and never wait twice; an empty one clears what the broker holds."""

    def __init__(self) -> None:
        self.counters = StageCounters("mqtt")
        self._states: dict[str, bytes] = {}
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._events: deque[Outgoing] = deque()
        self._once: deque[Outgoing] = deque()
        self._in_flight: dict[int, Outgoing] = {}

    def __len__(self) -> int:
        """Return at how many topics the broker is to hold something, or nothing from now on."""
        return len(self._states)

    @property
    def in_flight(self) -> int:
        """How many messages the broker has not acknowledged."""
        return len(self._in_flight)

    @property
    def idle(self) -> bool:
        """True while nothing waits and nothing is on its way."""
        return not (self._waiting or self._events or self._once or self._in_flight)

    def state(self, topic: str, payload: bytes, again: bool = False) -> None:
        """Have a topic hold this. again: send it, whether it is new or not."""
        if not again and self._states.get(topic) == payload:
            return
        self._states[topic] = payload
        self._wait(topic)

    def states(self, states: dict[str, bytes]) -> None:
        """Have topics hold these."""
        for topic, payload in states.items():
            self.state(topic, payload)

    def clear(self, topics: Iterable[str]) -> None:
        """Have the broker hold nothing at these topics."""
        for topic in topics:
            self.state(topic, b"")

    def event(self, topic: str, payload: bytes, who: str, now_s: float) -> None:
        """Send this once; the oldest event gives way where there are too many."""
        self.counters.receive()
        if len(self._events) >= MAX_EVENTS:
            self._events.popleft()
            self.counters.drop("queue_full")
        self._events.append(Outgoing(topic, payload, False, who, now_s))

    def once(self, topic: str, payload: bytes) -> None:
        """Send this before all that waits, after others of its kind, and have nobody keep it."""
        self.counters.receive()
        if len(self._once) >= MAX_ONCE:
            self._once.popleft()
            self.counters.drop("queue_full")
        self._once.append(Outgoing(topic, payload, False))

    def forget(self, people: Iterable[str]) -> None:
        """Drop the events that are about somebody."""
        gone = set(people)
        kept = [event for event in self._events if event.who not in gone]
        self.counters.drop("forgotten", len(self._events) - len(kept))
        self._events = deque(kept)

    def send_all_again(self, first: Callable[[str], bool]) -> None:
        """Have all states wait; those for whose topics `first` is true before the others."""
        for topic in sorted(self._states, key=lambda topic: not first(topic)):
            self._wait(topic)
            self._waiting.move_to_end(topic)

    def next(self, now_s: float) -> Outgoing | None:
        """Return what is to be sent now, and have it wait no more."""
        if self._once:
            return self._once.popleft()
        while self._events:
            event = self._events.popleft()
            if now_s - event.queued_s <= MAX_EVENT_AGE_S:
                return event
            self.counters.drop("too_old")
        if not self._waiting:
            return None
        topic, _ = self._waiting.popitem(last=False)
        return Outgoing(topic, self._states[topic], True)

    def sent(self, number: int, message: Outgoing) -> None:
        """Note that a message is on its way, under a number of the connection's."""
        self._in_flight[number] = message

    def refused(self, message: Outgoing) -> None:
        """Note that a message could not be sent."""
        self._put_back(message)

    def acknowledged(self, number: int) -> None:
        """Note that the broker has a message."""
        message = self._in_flight.pop(number, None)
        if message is None:
            return
        self.counters.forward()
        if message.retain and not message.payload and self._states.get(message.topic) == b"":
            if message.topic in self._waiting:
                return
            del self._states[message.topic]

    def lost(self) -> None:
        """Note that the connection is gone, with whatever was on its way: it waits again."""
        for message in reversed(self._in_flight.values()):
            self._put_back(message)
        self._in_flight.clear()

    def snapshot(self) -> StageCount:
        """Return the account."""
        return self.counters.snapshot(
            len(self._waiting) + len(self._events) + len(self._once) + self.in_flight
        )

    def _wait(self, topic: str) -> None:
        self.counters.receive()
        if topic in self._waiting:
            self.counters.drop("superseded")
        self._waiting[topic] = None

    def _put_back(self, message: Outgoing) -> None:
        if not message.retain and message.queued_s == float("inf"):
            self._once.appendleft(message)
        elif not message.retain:
            self._events.appendleft(message)
        elif message.topic in self._waiting:
            self.counters.drop("superseded")
        else:
            self._waiting[message.topic] = None
            self._waiting.move_to_end(message.topic, last=False)
