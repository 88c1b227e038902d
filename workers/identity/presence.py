"""Who is in front of each camera: tracks with their votes, and the events they give rise to.

Pure state: messages in, events out; no sockets.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamer.constants import CAMERA_LEASE_S
from streamer.wire.clock_offsets import ClockOffsets
from streamer.wire.counters import StageCounters
from streamer.wire.epochs import track_id
from streamer.wire.messages import (
    CropInfo,
    IdentityEvent,
    PresenceEvent,
    PresentTrack,
    Tracks,
)
from streamer.wire.timestamps import Timestamp, utc_text
from workers.classifier.classifier import Prediction
from workers.gallery.version import Gallery
from workers.identity.strangers import Strangers
from workers.identity.vote import Vote

MAX_CAMERAS = 1024
_REMEMBERED_EPOCHS = 16


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """Where and when a face was found."""

    box_xywh: tuple[int, int, int, int]
    captured: Timestamp
    media_ms: float
    sequence: int


@dataclass
class Presence:
    """One track's state; `entered` is when its `enter` was published, or None before that."""

    vote: Vote
    seen: Sighting
    stranger: str | None = None
    entered: Timestamp | None = None


@dataclass
class _Camera:
    """One camera's live tracks, of one run of its capture process, and its events' count."""

    epoch: str
    heard_s: float
    sequence: int = 0
    number: int = 0
    tracks: dict[int, Presence] = field(default_factory=dict)
    earlier_epochs: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_EPOCHS))


class PresenceTracker:
    """All tracks of all cameras. `on_event` is called with every event, in order.

    A camera is held on a lease that each of its snapshots renews. `epoch` is of this process.
    """

    def __init__(
        self,
        *,
        min_votes: float,
        switch_margin: float,
        strangers: Strangers,
        on_event: Callable[[IdentityEvent], None],
        epoch: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._min_votes = min_votes
        self._switch_margin = switch_margin
        self._strangers = strangers
        self._on_event = on_event
        self._epoch = epoch
        self._clock = clock
        self._clocks = ClockOffsets()
        self._cameras: dict[str, _Camera] = {}
        self._events = 0
        self._gallery: Gallery | None = None
        self._weights = ""
        self.snapshots = StageCounters("snapshots")
        self.embeddings = StageCounters("embeddings")

    def use_gallery(self, gallery: Gallery | None, weights: str) -> None:
        """Name by another gallery from now on; earlier votes no longer count."""
        self._gallery = gallery
        self._weights = weights
        for camera in self._cameras.values():
            for person in camera.tracks.values():
                person.vote.forget_names()

    def take_tracks(self, snapshot: Tracks) -> None:
        """Learn where everybody is, and who is gone: every track that the snapshot lacks."""
        self.snapshots.receive()
        camera = self._camera_of(snapshot)
        if camera is None:
            return
        if snapshot.sequence > camera.sequence:  # a repeated one tells no more about the clocks
            camera.sequence = snapshot.sequence
            self._clocks.observe(snapshot.captured, snapshot.camera)
        for seen in snapshot.tracks:
            person = camera.tracks.get(seen.track)
            if person is not None and not seen.found:
                continue
            sighting = Sighting(
                box_xywh=seen.box_xywh,
                captured=snapshot.captured,
                media_ms=snapshot.media_ms,
                sequence=snapshot.sequence,
            )
            if person is None:
                vote = Vote(self._min_votes, self._switch_margin)
                camera.tracks[seen.track] = Presence(vote, sighting)
            else:
                person.seen = sighting
        live = {seen.track for seen in snapshot.tracks}
        for number in [number for number in camera.tracks if number not in live]:
            self._end(snapshot.camera, camera, number)
        self.snapshots.forward()

    def take_embeddings(
        self,
        crops: tuple[CropInfo, ...],
        embeddings: NDArray[np.float32],
        predictions: list[Prediction],
    ) -> list[tuple[CropInfo, bool]]:
        """Vote with crops; return those that were used, each with: is its track certain."""
        answers = []
        for info, embedding, prediction in zip(crops, embeddings, predictions, strict=True):
            self.embeddings.receive()
            camera = self._cameras.get(info.camera)
            current = camera is not None and camera.epoch == info.epoch
            person = camera.tracks.get(info.track) if camera is not None and current else None
            if person is None:
                self.embeddings.drop("track_ended")
                continue
            self._vote(info, person, embedding, prediction)
            self.embeddings.forward()
            answers.append((info, person.vote.certain))
        return answers

    def expire(self) -> None:
        """End the tracks of every camera whose lease has run out, and forget the camera."""
        now = self._clock()
        for name, camera in list(self._cameras.items()):
            if now - camera.heard_s > CAMERA_LEASE_S:
                self._end_all(name, camera)
                if now - camera.heard_s > 20 * CAMERA_LEASE_S:
                    del self._cameras[name]

    def end_everything(self) -> None:
        """End every track: this process stops."""
        for name, camera in self._cameras.items():
            self._end_all(name, camera)

    def presence(self) -> Iterator[PresenceEvent]:
        """Yield, for every camera, everybody who has entered and not left."""
        for name, camera in self._cameras.items():
            present = tuple(
                PresentTrack(
                    track=track_id(camera.epoch, number),
                    identity=person.vote.identity,
                    stranger=person.stranger,
                    probability=person.vote.probability,
                    box_xywh=person.seen.box_xywh,
                    entered_utc=utc_text(person.entered.utc_ns),
                )
                for number, person in camera.tracks.items()
                if person.entered is not None
            )
            yield PresenceEvent(name, self._epoch, present)

    def _camera_of(self, snapshot: Tracks) -> _Camera | None:
        """Return the snapshot's camera with its lease renewed, or None if it must be dropped."""
        camera = self._cameras.get(snapshot.camera)
        if camera is None:
            if len(self._cameras) >= MAX_CAMERAS:
                self.snapshots.drop("too_many_cameras")
                return None
            camera = self._cameras[snapshot.camera] = _Camera(snapshot.epoch, self._clock())
        elif snapshot.epoch in camera.earlier_epochs:
            self.snapshots.drop("earlier_epoch")
            return None
        elif camera.epoch != snapshot.epoch:  # the capture process started anew
            self._end_all(snapshot.camera, camera)
            camera.earlier_epochs.append(camera.epoch)
            camera.epoch, camera.sequence = snapshot.epoch, 0
        camera.heard_s = self._clock()
        return camera

    def _vote(
        self, info: CropInfo, person: Presence, embedding: NDArray[np.float32], found: Prediction
    ) -> None:
        names = self._gallery.people.names if self._gallery is not None else ()
        person.vote.take(found, names, info.quality)
        if not person.vote.decided:
            return
        if person.vote.identity is None:
            if person.stranger is None:
                person.stranger = self._strangers.name(embedding)
            self._strangers.see(person.stranger, embedding)
        else:
            person.stranger = None
        sighting = Sighting(
            box_xywh=info.box_xywh,
            captured=info.captured,
            media_ms=info.media_ms,
            sequence=info.sequence,
        )
        kind: Literal["enter", "update"] = "update" if person.entered else "enter"
        person.entered = person.entered or info.captured
        self._publish(kind, info.camera, track_id(info.epoch, info.track), person, sighting)

    def _end_all(self, name: str, camera: _Camera) -> None:
        for number in list(camera.tracks):
            self._end(name, camera, number)

    def _end(self, name: str, camera: _Camera, number: int) -> None:
        person = camera.tracks.pop(number)
        if person.entered is not None:
            self._publish("exit", name, track_id(camera.epoch, number), person, person.seen)

    def _publish(
        self,
        kind: Literal["enter", "update", "exit"],
        camera: str,
        track: str,
        person: Presence,
        sighting: Sighting,
    ) -> None:
        self._events += 1
        self._cameras[camera].number += 1
        self._on_event(
            IdentityEvent(
                event=kind,
                id=f"{self._epoch}-{self._events}",
                camera=camera,
                track=track,
                identity=person.vote.identity,
                stranger=person.stranger,
                probability=min(1.0, max(0.0, person.vote.probability)),
                squared_distance=person.vote.squared_distance,
                box_xywh=sighting.box_xywh,
                captured_utc=utc_text(sighting.captured.utc_ns),
                media_ms=sighting.media_ms,
                age_ms=self._clocks.age_ms(sighting.captured),
                sequence=sighting.sequence,
                epoch=self._epoch,
                number=self._cameras[camera].number,
                weights=self._weights,
                gallery=self._gallery.fingerprint if self._gallery else "",
            )
        )
