"""Who is in front of each camera: tracks with their votes, and the events they give rise to.

Pure state: messages in, events out; no sockets.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamer.view.annotate import Label
from streamer.wire.counters import StageCounters
from streamer.wire.messages import CropInfo, IdentityEvent, Tracks
from streamer.wire.timestamps import Timestamp, age_ms, utc_text
from workers.classifier.classifier import Prediction
from workers.gallery.version import Gallery
from workers.identity.strangers import Strangers
from workers.identity.vote import Vote

MAX_TRACKS_HELD = 4096


@dataclass
class Presence:
    """One track's state."""

    vote: Vote
    box_xywh: tuple[int, int, int, int]
    captured: Timestamp
    media_ms: float
    sequence: int
    squared_distance: float = 4.0
    stranger: str | None = None
    entered: bool = False


class PresenceTracker:
    """All tracks of all cameras. `on_event` is called with every event, in order."""

    def __init__(
        self,
        min_votes: float,
        switch_margin: float,
        strangers: Strangers,
        on_event: Callable[[IdentityEvent], None],
    ) -> None:
        self._min_votes = min_votes
        self._switch_margin = switch_margin
        self._strangers = strangers
        self._on_event = on_event
        self._tracks: dict[str, dict[int, Presence]] = {}
        self._sequences: dict[str, int] = {}
        self._numbers: Counter[str] = Counter()
        self._gallery: Gallery | None = None
        self._weights = ""
        self.counters = StageCounters("embeddings")

    def use_gallery(self, gallery: Gallery | None, weights: str) -> None:
        """Name by another gallery from now on; earlier votes no longer count."""
        self._gallery = gallery
        self._weights = weights
        for person in self._everybody():
            person.vote.forget_names()

    def take_tracks(self, tracks: Tracks) -> None:
        """One frame's tracks: where everybody is, and who has gone."""
        camera = tracks.camera
        if tracks.sequence < self._sequences.get(camera, 0):
            self.end_camera(camera)  # the capture process started anew, and its numbers with it
        self._sequences[camera] = tracks.sequence
        here = self._tracks.setdefault(camera, {})
        for seen in tracks.tracks:
            person = here.get(seen.track)
            if person is None:
                if len(here) >= MAX_TRACKS_HELD:
                    continue
                vote = Vote(self._min_votes, self._switch_margin)
                here[seen.track] = Presence(
                    vote, seen.box_xywh, tracks.captured, tracks.media_ms, tracks.sequence
                )
            elif seen.found:
                person.box_xywh = seen.box_xywh
                person.captured = tracks.captured
                person.media_ms = tracks.media_ms
                person.sequence = tracks.sequence
        for number in tracks.ended:
            self._end(camera, number)

    def take_embeddings(
        self,
        crops: tuple[CropInfo, ...],
        embeddings: NDArray[np.float32],
        predictions: list[Prediction],
    ) -> list[tuple[CropInfo, bool]]:
        """Vote with crops; return those that were used, each with: is its track certain."""
        answers = []
        for info, embedding, prediction in zip(crops, embeddings, predictions, strict=True):
            self.counters.receive()
            person = self._tracks.get(info.camera, {}).get(info.track)
            if person is None:
                self.counters.drop("track_ended")
                continue
            self._vote(info, person, embedding, prediction)
            self.counters.forward()
            answers.append((info, person.vote.certain))
        return answers

    def labels(self, tracks: Tracks) -> list[Label]:
        """What to draw on the frame of these tracks."""
        here = self._tracks.get(tracks.camera, {})
        labels = []
        for seen in tracks.tracks:
            person = here.get(seen.track)
            if person is not None and seen.found:
                vote = person.vote
                labels.append(
                    Label(
                        seen.box_xywh,
                        vote.identity,
                        person.stranger,
                        vote.probability,
                        vote.decided,
                    )
                )
        return labels

    def end_camera(self, camera: str) -> None:
        """End every track of a camera."""
        for number in list(self._tracks.get(camera, {})):
            self._end(camera, number)
        self._sequences.pop(camera, None)

    def _everybody(self) -> list[Presence]:
        return [person for tracks in self._tracks.values() for person in tracks.values()]

    def _vote(
        self,
        info: CropInfo,
        person: Presence,
        embedding: NDArray[np.float32],
        prediction: Prediction,
    ) -> None:
        name = None
        if prediction.person is not None and self._gallery is not None:
            name = self._gallery.people.names[prediction.person]
        # For a vote for nobody, the chance that counts is that it is indeed nobody enrolled.
        chance = prediction.probability if name is not None else 1.0 - prediction.probability
        person.vote.add(name, chance, info.quality)
        person.squared_distance = prediction.squared_distance
        if not person.vote.decided:
            return
        if person.vote.identity is None:
            if person.stranger is None:
                person.stranger = self._strangers.name(embedding)
            self._strangers.see(person.stranger, embedding)
        else:
            person.stranger = None
        kind: Literal["enter", "update"] = "update" if person.entered else "enter"
        person.entered = True
        self._publish(
            kind, info.camera, info.track, person,
            info.box_xywh, info.captured, info.media_ms, info.sequence,
        )  # fmt: skip

    def _end(self, camera: str, number: int) -> None:
        person = self._tracks.get(camera, {}).pop(number, None)
        if person is not None and person.entered:
            self._publish(
                "exit", camera, number, person,
                person.box_xywh, person.captured, person.media_ms, person.sequence,
            )  # fmt: skip

    def _publish(
        self,
        kind: Literal["enter", "update", "exit"],
        camera: str,
        track: int,
        person: Presence,
        box_xywh: tuple[int, int, int, int],
        captured: Timestamp,
        media_ms: float,
        sequence: int,
    ) -> None:
        self._numbers[camera] += 1
        self._on_event(
            IdentityEvent(
                kind,
                camera,
                track,
                person.vote.identity,
                person.stranger,
                min(1.0, max(0.0, person.vote.probability)),
                person.squared_distance,
                box_xywh,
                utc_text(captured.utc_ns),
                media_ms,
                age_ms(captured),
                sequence,
                self._numbers[camera],
                self._weights,
                self._gallery.fingerprint if self._gallery else "",
            )
        )
