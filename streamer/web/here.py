"""Who is before which camera now, and what a page needs to know of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from streamer.wire.messages import IdentityEvent, PresenceEvent

MAX_CAMERAS = 1024
BELIEVED_S = 10.0
"""Snapshots come every second; where none has come for so long, nobody knows who is there."""


@dataclass(frozen=True, kw_only=True)
class Here:
    """One face that is there. event: the id of the last event of its track, to be corrected."""

    camera: str
    track: str
    visit: str
    person: str | None
    stranger: str | None
    score: float
    since_utc: str
    event: str | None


class HereBook:
    """The latest word on everybody who is there, from presence snapshots and identity events."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._cameras: dict[str, dict[str, Here]] = {}
        self._heard: dict[str, float] = {}

    def take_presence(self, snapshot: PresenceEvent) -> None:
        """Replace what is known of a camera."""
        known = self._cameras.get(snapshot.camera)
        if known is None and len(self._cameras) >= MAX_CAMERAS:
            return
        self._heard[snapshot.camera] = self._clock()
        events = {track: here.event for track, here in (known or {}).items()}
        self._cameras[snapshot.camera] = {
            each.track: Here(
                camera=snapshot.camera,
                track=each.track,
                visit=each.visit,
                person=each.identity,
                stranger=each.stranger,
                score=each.probability,
                since_utc=each.entered_utc,
                event=events.get(each.track),
            )
            for each in snapshot.present
        }

    def take_event(self, event: IdentityEvent) -> None:
        """Learn of one track; a camera that no snapshot has named yet can wait for it."""
        tracks = self._cameras.get(event.camera)
        if tracks is None:
            return
        known = tracks.get(event.track)
        if event.event == "exit":
            tracks.pop(event.track, None)
            return
        tracks[event.track] = Here(
            camera=event.camera,
            track=event.track,
            visit=event.visit,
            person=event.identity,
            stranger=event.stranger,
            score=event.probability,
            since_utc=known.since_utc if known else event.captured_utc,
            event=event.id,
        )

    def all(self) -> list[Here]:
        """Return everybody, who came first first."""
        since = self._clock() - BELIEVED_S
        believed = [self._cameras[camera] for camera, at in self._heard.items() if at >= since]
        everybody = [here for tracks in believed for here in tracks.values()]
        return sorted(everybody, key=lambda here: (here.since_utc, here.track))
