"""The identify process: embeddings and tracks in; identity events, pictures and stats out."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import zmq
from numpy.typing import NDArray

from streamer.config.sections import IdentifyConfig
from streamer.errors import GalleryError, ProtocolError
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.runtime.stats import StatsReporter
from streamer.view.annotate import annotate
from streamer.vision.images import decode_image, encode_image
from streamer.wire.counters import StageCount, StageCounters
from streamer.wire.messages import (
    Embeddings,
    FrameEvent,
    GalleryEvent,
    IdentityEvent,
    Stats,
    TrackFeedback,
    Tracks,
    decode,
    encode,
)
from streamer.wire.shared_frames import SharedFrames
from streamer.wire.sockets import Bus, receive_all, try_send
from streamer.wire.timestamps import age_ms, utc_text
from workers.classifier.classifier import Prediction
from workers.classifier.impostors import Impostors
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery
from workers.identity.presence import PresenceTracker
from workers.identity.strangers import Strangers

log = logging.getLogger(__name__)

INGEST_HWM = 1024
EVENTS_HWM = 256
_POLL_MS = 200
_GALLERY_CHECK_S = 0.3
_DRAIN_QUIET_MS = 100
_DRAIN_S = 1.0
_MAX_SUBSCRIPTIONS = 1000


@dataclass(frozen=True)
class IdentifyEndpoints:
    """Addresses bound here; `shared_frames` holds the frames of the cameras on this host."""

    ingest: str
    events: str
    shared_frames: dict[str, SharedFrames]


class Identify:
    """`run()` owns the sockets; it is the last to stop, so that the account is whole."""

    def __init__(
        self, config: IdentifyConfig, ports: IdentifyEndpoints, gallery: Path, impostors: Impostors
    ) -> None:
        self._config = config
        self._endpoints = ports
        self._store = GalleryStore(gallery)
        self._weights = impostors.fingerprint
        self._gallery: Gallery | None = None
        self._version: str | None = None
        self._gallery_fault = ""
        self._next_gallery_check = 0.0
        self._subscriptions: set[bytes] = set()
        self._messages = StageCounters("identify messages")
        self._pictures = StageCounters("pictures")
        self._events = StageCounters("events")
        self._cameras: set[str] = set()
        strangers = Strangers(config.remember_strangers_s, impostors.same_person_limit())
        self._people = PresenceTracker(
            config.min_votes, config.switch_margin, strangers, self._publish_event
        )

    def run(self, bus: Bus, stop: Stop, heartbeat: Heartbeat) -> None:
        """Serve until `stop`, then use up what has arrived and publish the last report."""
        cv2.setNumThreads(1)
        self._ingest = bus.bind(zmq.PULL, self._endpoints.ingest, INGEST_HWM, roles=("capture",))
        self._out = bus.bind(
            zmq.XPUB, self._endpoints.events, EVENTS_HWM, roles=("capture", "subscriber")
        )
        self._reporter = StatsReporter("identify", "identify")
        self._check_gallery()
        poller = zmq.Poller()
        poller.register(self._ingest, zmq.POLLIN)
        poller.register(self._out, zmq.POLLIN)
        heartbeat.ready()
        while not stop.is_set():
            poller.poll(_POLL_MS)
            self._turn()
            heartbeat.beat()
        until = time.monotonic() + _DRAIN_S
        while self._ingest.poll(_DRAIN_QUIET_MS) and time.monotonic() < until:
            self._turn()
        for camera in self._cameras:
            self._people.end_camera(camera)
        self._publish(b"stats", self._reporter.make(self._stages(), final=True))

    def _turn(self) -> None:
        self._read_subscriptions()
        newest: dict[str, tuple[Tracks, list[bytes | memoryview]]] = {}
        for parts in receive_all(self._ingest):
            self._messages.receive()
            try:
                message, buffers = decode(parts)
                self._take(message, buffers, newest)
            except ProtocolError as error:
                self._messages.drop("malformed")
                log.warning("message dropped: %s", error)
            else:
                self._messages.forward()
        for tracks, buffers in newest.values():
            self._publish_picture(tracks, buffers)
        if time.monotonic() >= self._next_gallery_check:
            self._check_gallery()
        if self._reporter.due():
            self._publish(b"stats", self._reporter.make(self._stages()))
            self._publish(b"gallery", self._gallery_event())
            for camera in self._cameras:
                self._tell_frames_wanted(camera)

    def _take(
        self,
        message: object,
        buffers: list[bytes | memoryview],
        newest: dict[str, tuple[Tracks, list[bytes | memoryview]]],
    ) -> None:
        match message:
            case Tracks():
                if message.camera not in self._cameras:
                    self._cameras.add(message.camera)
                    self._tell_frames_wanted(message.camera)
                self._people.take_tracks(message)
                if message.slot is not None or buffers:
                    self._pictures.receive()
                    self._pictures.drop("superseded", int(message.camera in newest))
                    newest[message.camera] = (message, buffers)
            case Embeddings():
                self._name(message, buffers[0])
            case Stats():
                self._publish(b"stats", message)
            case _:
                raise ProtocolError(f"{type(message).__name__} is not for identify")

    def _name(self, message: Embeddings, buffer: bytes | memoryview) -> None:
        embeddings = np.frombuffer(buffer, "<f4").reshape(len(message.crops), -1)
        norms = np.linalg.norm(embeddings, axis=1)
        if not np.isfinite(norms).all() or (np.abs(norms - 1) > 0.01).any():
            raise ProtocolError("embeddings must be finite unit vectors")
        if message.fingerprint != self._weights:
            # A worker with other weights: its vectors mean nothing here.
            self._people.counters.receive(len(message.crops))
            self._people.counters.drop("other_weights", len(message.crops))
            return
        for info, certain in self._people.take_embeddings(
            message.crops, embeddings, self._predict(embeddings)
        ):
            hint = TrackFeedback(info.camera, info.track, info.sequence, certain)
            self._publish(f"hint/{info.camera}".encode(), hint)

    def _predict(self, embeddings: NDArray[np.float32]) -> list[Prediction]:
        if self._gallery is None:
            return [Prediction(None, 0.0, 4.0) for _ in embeddings]
        return self._gallery.classifier.predict(embeddings)

    def _check_gallery(self) -> None:
        self._next_gallery_check = time.monotonic() + _GALLERY_CHECK_S
        try:
            version = self._store.current_version()
            if version == self._version:
                return
            self._version = version
            self._gallery = self._store.load(self._weights)
        except GalleryError as error:
            if str(error) != self._gallery_fault:
                log.error("the gallery in use stays as it is: %s", error)
            self._gallery_fault = str(error)
            return
        self._gallery_fault = ""
        self._people.use_gallery(self._gallery, self._weights)
        log.info("gallery %s is in use", version)
        self._publish(b"gallery", self._gallery_event())

    def _gallery_event(self) -> GalleryEvent:
        gallery = self._gallery
        if gallery is None:
            return GalleryEvent("", (), self._weights)
        return GalleryEvent(gallery.version, gallery.people.names, self._weights)

    def _read_subscriptions(self) -> None:
        for message, *_ in receive_all(self._out):
            topic = message[1:]
            if message[:1] == b"\x01" and len(self._subscriptions) < _MAX_SUBSCRIPTIONS:
                self._subscriptions.add(topic)
            elif message[:1] == b"\x00":
                self._subscriptions.discard(topic)
            for camera in self._cameras:
                self._tell_frames_wanted(camera)

    def _frames_wanted(self, camera: str) -> bool:
        topic = f"frame/{camera}".encode()
        return any(topic.startswith(prefix) for prefix in self._subscriptions)

    def _tell_frames_wanted(self, camera: str) -> None:
        hint = TrackFeedback(camera, frames_wanted=self._frames_wanted(camera))
        self._publish(f"hint/{camera}".encode(), hint)

    def _publish_picture(self, tracks: Tracks, buffers: list[bytes | memoryview]) -> None:
        if not self._frames_wanted(tracks.camera):
            self._pictures.drop("unwanted")
            return
        image = self._picture(tracks, buffers)
        if image is None:
            self._pictures.drop("overwritten")
            return
        annotate(image, self._people.labels(tracks))
        height, width = image.shape[:2]
        event = FrameEvent(
            tracks.camera,
            tracks.sequence,
            utc_text(tracks.captured.utc_ns),
            age_ms(tracks.captured),
            (width, height),
        )
        jpeg = encode_image(image, quality=self._config.jpeg_quality)
        self._publish(f"frame/{tracks.camera}".encode(), event, jpeg)
        self._pictures.forward()

    def _picture(
        self, tracks: Tracks, buffers: list[bytes | memoryview]
    ) -> NDArray[np.uint8] | None:
        if buffers:
            return decode_image(buffers[0])
        shared_frames = self._endpoints.shared_frames.get(tracks.camera)
        if shared_frames is None or tracks.slot is None or tracks.generation is None:
            return None
        return shared_frames.read(tracks.slot, tracks.generation)

    def _publish_event(self, event: IdentityEvent) -> None:
        self._events.receive()
        if self._publish(f"identity/{event.camera}".encode(), event):
            self._events.forward()
        else:
            self._events.drop("queue_full")

    def _publish(self, topic: bytes, message: object, *buffers: bytes) -> bool:
        return try_send(self._out, [topic, *encode(message, *buffers)])

    def _stages(self) -> tuple[StageCount, ...]:
        return (
            self._people.counters.snapshot(),
            self._events.snapshot(),
            self._pictures.snapshot(),
            self._messages.snapshot(),
        )
