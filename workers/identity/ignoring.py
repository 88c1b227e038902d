"""People whom users ignore: they are in no event and in no snapshot of who is there.

It stands between the tracks and the publisher. Who is ignored while they are there leaves; a
face that turns out to be somebody ignored leaves as who it was taken for.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from streamer.wire.messages import IdentityEvent, PresenceEvent


class Ignoring:
    """Passes events on, but those of ignored people; `publish` is called with what is left."""

    def __init__(self, publish: Callable[[IdentityEvent], None]) -> None:
        self._publish = publish
        self._ignored: frozenset[str] = frozenset()
        self._inside: dict[tuple[str, str], IdentityEvent] = {}
        self._numbers: Counter[str] = Counter()

    def use(self, ignored: frozenset[str]) -> None:
        """Ignore these names and ids of strangers from now on."""
        self._ignored = ignored
        for last in list(self._inside.values()):
            if _who(last) in ignored:
                self._leave(last, last)

    def take(self, event: IdentityEvent) -> None:
        """Pass an event on, if it may be; its number counts those that are published."""
        last = self._inside.get((event.camera, event.track))
        if _who(event) in self._ignored:
            if last is not None:
                self._leave(last, event)
        elif event.event == "exit":
            if last is not None:
                del self._inside[event.camera, event.track]
                self._pass_on(event)
        else:
            # Who is ignored no more, or turns out to be somebody else, enters only now.
            kind = event.event if last is not None else "enter"
            event = event if event.event == kind else replace(event, event=kind)
            self._inside[event.camera, event.track] = event
            self._pass_on(event)

    def presence(self, snapshots: Iterable[PresenceEvent]) -> Iterator[PresenceEvent]:
        """Take ignored people out of snapshots."""
        for snapshot in snapshots:
            there = tuple(
                track
                for track in snapshot.present
                if (track.identity or track.stranger) not in self._ignored
            )
            yield snapshot if there == snapshot.present else replace(snapshot, present=there)

    def _leave(self, last: IdentityEvent, now: IdentityEvent) -> None:
        """Publish the exit of a track as who it was published last, where it is now."""
        del self._inside[last.camera, last.track]
        self._pass_on(
            replace(
                now,
                event="exit",
                id=now.id if now is not last else f"{last.id}-exit",
                identity=last.identity,
                stranger=last.stranger,
                probability=last.probability,
            )
        )

    def _pass_on(self, event: IdentityEvent) -> None:
        self._numbers[event.camera] += 1
        number = self._numbers[event.camera]
        self._publish(event if event.number == number else replace(event, number=number))


def _who(event: IdentityEvent) -> str | None:
    return event.identity or event.stranger
