"""Identity events: numbered, stamped, and with what they were made by."""

from collections.abc import Callable
from typing import Literal

from streamer.wire.clock_offsets import ClockOffsets
from streamer.wire.messages import IdentityEvent, Tracks
from streamer.wire.timestamps import utc_text
from workers.gallery.version import Gallery
from workers.identity.camera import Camera, Presence, Sighting
from workers.identity.vote import Vote


class Announcer:
    """Calls `on_event` with every event, in order. `epoch` is of this process."""

    def __init__(self, on_event: Callable[[IdentityEvent], None], epoch: str) -> None:
        self._on_event = on_event
        self._epoch = epoch
        self._clocks = ClockOffsets()
        self._events = 0
        self._visits = 0
        self._gallery = ""
        self._weights = ""

    def use_gallery(self, gallery: Gallery | None, weights: str) -> None:
        """Say from now on that this gallery made the names."""
        self._gallery = gallery.fingerprint if gallery is not None else ""
        self._weights = weights

    def observe(self, snapshot: Tracks) -> None:
        """Learn from a new snapshot how its host's clock differs."""
        self._clocks.observe(snapshot.captured, snapshot.camera)

    def new_visit(self) -> str:
        """Return the id of another visit; it never repeats."""
        self._visits += 1
        return f"{self._epoch}-v{self._visits}"

    def tell(
        self,
        kind: Literal["enter", "update", "exit"],
        camera: Camera,
        person: Presence,
        sighting: Sighting | None = None,
        vote: Vote | None = None,
    ) -> None:
        """Publish who enters, is seen or leaves: by default where last seen, by the vote so far."""
        seen, vote = sighting or person.seen, vote or person.face.vote
        self._events += 1
        camera.number += 1
        self._on_event(
            IdentityEvent(
                event=kind,
                id=f"{self._epoch}-{self._events}",
                camera=camera.name,
                track=person.track,
                identity=vote.identity,
                stranger=person.stranger,
                probability=min(1.0, max(0.0, vote.probability)),
                squared_distance=vote.squared_distance,
                box_xywh=seen.box_xywh,
                captured_utc=utc_text(seen.captured.utc_ns),
                media_ms=seen.media_ms,
                age_ms=self._clocks.age_ms(seen.captured),
                sequence=seen.sequence,
                epoch=self._epoch,
                number=camera.number,
                weights=self._weights,
                gallery=self._gallery,
                visit=person.visit,
                joined=person.joined if kind == "enter" else None,
            )
        )
