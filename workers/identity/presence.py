"""Who is in front of each camera: tracks with their votes, and the events they give rise to.

Pure state: messages in, events out; no sockets.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import IdentifyConfig
from streamer.constants import CAMERA_LEASE_S
from streamer.wire.counters import StageCounters
from streamer.wire.epochs import track_id
from streamer.wire.messages import (
    MAX_TRACKS,
    CropInfo,
    IdentityEvent,
    PresenceEvent,
    PresentTrack,
    Tracks,
)
from streamer.wire.timestamps import utc_text
from workers.gallery.version import Gallery
from workers.identity.announcer import Announcer
from workers.identity.camera import Camera, Presence, Sighting
from workers.identity.face import Face, Likeness
from workers.identity.naming import Namer
from workers.identity.strangers import Strangers

MAX_CAMERAS = 1024


class PresenceTracker:
    """All tracks of all cameras. `on_event` is called with every event, in order.

    A camera is held on a lease that each of its snapshots renews. `epoch` is of this process.
    """

    def __init__(
        self,
        *,
        config: IdentifyConfig,
        likeness: Likeness,
        strangers: Strangers,
        on_event: Callable[[IdentityEvent], None],
        epoch: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._likeness = likeness
        self._epoch = epoch
        self._clock = clock
        self._announcer = Announcer(on_event, epoch)
        self._namer = Namer(config, strangers, self._announcer)
        self._cameras: dict[str, Camera] = {}
        self.snapshots = StageCounters("snapshots")
        self.embeddings = StageCounters("embeddings")

    def use_gallery(self, gallery: Gallery | None, weights: str) -> None:
        """Name by another gallery from now on; earlier votes no longer count."""
        self._namer.use_gallery(gallery)
        self._announcer.use_gallery(gallery, weights)
        for camera in self._cameras.values():
            for face in camera.faces():
                face.vote.forget_votes()

    def take_tracks(self, snapshot: Tracks) -> None:
        """Learn where everybody is, and who is gone: every track that the snapshot lacks."""
        self.snapshots.receive()
        camera = self._camera_of(snapshot)
        if camera is None:
            return
        if snapshot.sequence > camera.sequence:  # a repeated one tells no more about the clocks
            camera.sequence = snapshot.sequence
            self._announcer.observe(snapshot)
        camera.media_ms = snapshot.media_ms
        for seen in snapshot.tracks:
            person = camera.tracks.get(seen.track)
            if person is not None:
                person.found = seen.found
                if not seen.found:
                    continue
            sighting = Sighting(
                box_xywh=seen.box_xywh,
                captured=snapshot.captured,
                media_ms=snapshot.media_ms,
                sequence=snapshot.sequence,
            )
            if person is None:
                camera.tracks[seen.track] = Presence(
                    track=track_id(camera.epoch, seen.track),
                    visit=self._announcer.new_visit(),
                    face=Face(self._config, self._likeness),
                    seen=sighting,
                    found=seen.found,
                )
            else:
                person.seen = sighting
        live = {seen.track for seen in snapshot.tracks}
        for number in [number for number in camera.tracks if number not in live]:
            camera.lose(number, self._clock())
        self._tell_who_left(camera)
        self.snapshots.forward()

    def take_embeddings(
        self, crops: tuple[CropInfo, ...], embeddings: NDArray[np.float32]
    ) -> list[tuple[CropInfo, bool]]:
        """Vote with crops; return those that were used, each with: is its track certain."""
        looked = []
        for info, embedding in zip(crops, embeddings, strict=True):
            self.embeddings.receive()
            camera = self._cameras.get(info.camera)
            current = camera is not None and camera.epoch == info.epoch
            person = camera.tracks.get(info.track) if camera is not None and current else None
            if camera is None or person is None:
                self.embeddings.drop("track_ended")
                continue
            looked.append(self._namer.look(info, embedding, camera, person, self._clock()))
        answers = []
        for look, prediction in zip(looked, self._namer.judge(looked), strict=True):
            self._namer.vote(look, prediction)
            self.embeddings.forward()
            answers.append((look.info, look.person.face.certain))
        return answers

    def expire(self) -> None:
        """End the tracks of every camera whose lease has run out, and forget the camera."""
        now = self._clock()
        for name, camera in list(self._cameras.items()):
            self._tell_who_left(camera)
            if now - camera.heard_s > CAMERA_LEASE_S:
                self._end_all(camera)
                if now - camera.heard_s > 20 * CAMERA_LEASE_S:
                    del self._cameras[name]

    def end_everything(self) -> None:
        """End every track: this process stops."""
        for camera in self._cameras.values():
            self._end_all(camera)

    def presence(self) -> Iterator[PresenceEvent]:
        """Yield, for every camera, everybody who has entered and not left."""
        for name, camera in self._cameras.items():
            present = tuple(
                PresentTrack(
                    track=person.track,
                    identity=person.face.vote.identity,
                    stranger=person.stranger,
                    probability=person.face.vote.probability,
                    box_xywh=person.seen.box_xywh,
                    entered_utc=utc_text(person.entered.utc_ns),
                    visit=person.visit,
                )
                for person in camera.present()
                if person.entered is not None
            )
            yield PresenceEvent(name, self._epoch, present[:MAX_TRACKS])

    def _camera_of(self, snapshot: Tracks) -> Camera | None:
        """Return the snapshot's camera with its lease renewed, or None if it must be dropped."""
        camera = self._cameras.get(snapshot.camera)
        if camera is None:
            if len(self._cameras) >= MAX_CAMERAS:
                self.snapshots.drop("too_many_cameras")
                return None
            camera = self._cameras[snapshot.camera] = Camera(
                snapshot.camera, snapshot.epoch, self._clock()
            )
        elif snapshot.epoch in camera.earlier_epochs:
            self.snapshots.drop("earlier_epoch")
            return None
        elif camera.epoch != snapshot.epoch:  # the capture process started anew
            self._end_all(camera)
            camera.earlier_epochs.append(camera.epoch)
            camera.epoch, camera.sequence = snapshot.epoch, 0
        camera.heard_s = self._clock()
        return camera

    def _tell_who_left(self, camera: Camera) -> None:
        """Publish the exit of everybody who has been gone for long enough."""
        rules = self._config
        for person in camera.left(rules.exit_after_s, rules.rejoin_s, self._clock()):
            self._announcer.tell("exit", camera, person)

    def _end_all(self, camera: Camera) -> None:
        """End every track at once: nobody goes on."""
        for number in list(camera.tracks):
            camera.lose(number, self._clock())
        for person in camera.left(0.0, -1.0, self._clock()):
            self._announcer.tell("exit", camera, person)
