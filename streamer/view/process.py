"""The view process: draws who is there onto frames, and publishes them while somebody watches."""

import logging
from dataclasses import dataclass

import cv2
import numpy as np
import zmq
from numpy.typing import NDArray

from streamer.bus.sockets import Bus, Socket, receive_all, try_send
from streamer.errors import ProtocolError
from streamer.runtime.drop_log import DropLog
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.runtime.stats import StatsReporter
from streamer.view.annotate import annotate
from streamer.view.labels import LabelBook
from streamer.vision.images import decode_image, encode_image, resize_image
from streamer.wire.clock_offsets import ClockOffsets
from streamer.wire.codec import decode, encode, expect
from streamer.wire.counters import StageCount, StageCounters
from streamer.wire.latencies import LatencyCounters
from streamer.wire.messages import (
    FrameEvent,
    FrameOffer,
    FramesWanted,
    IdentityEvent,
    PlainFrameEvent,
    PresenceEvent,
)
from streamer.wire.shared_frames import SharedFrames
from streamer.wire.timestamps import utc_text
from streamer.wire.topics import PLAIN_WIDTHS, plain_topic, topic, wanted

log = logging.getLogger(__name__)

FRAMES_HWM = 64
PICTURES_HWM = 8
"""A slow viewer is at most so many pictures behind; further ones it never gets."""
_POLL_MS = 200
_MAX_SUBSCRIPTIONS = 1000


@dataclass(frozen=True)
class ViewEndpoints:
    """Frames and pictures are bound here; `shared_frames` are of the cameras on this host."""

    frames: str
    pictures: str
    events: str
    ingest: str
    shared_frames: dict[str, SharedFrames]


class View:
    """`run()` owns the sockets and serves until `stop` is set."""

    def __init__(self, cameras: list[str], endpoints: ViewEndpoints, jpeg_quality: int) -> None:
        self._cameras = cameras
        self._endpoints = endpoints
        self._jpeg_quality = jpeg_quality
        self._clocks = ClockOffsets()
        self._labels = LabelBook()
        self._subscriptions: set[bytes] = set()
        self._messages = StageCounters("view messages")
        self._event_drops = DropLog(log, "event dropped")
        self._frame_drops = DropLog(log, "frame dropped")
        self._pictures = StageCounters("pictures")
        self._latencies = LatencyCounters("pictures")

    def run(self, bus: Bus, stop: Stop, heartbeat: Heartbeat) -> None:
        """Draw and publish the newest frame of each camera that is watched."""
        cv2.setNumThreads(1)
        frames = bus.bind(zmq.PULL, self._endpoints.frames, FRAMES_HWM, roles=("capture",))
        self._out = bus.bind(
            zmq.XPUB, self._endpoints.pictures, PICTURES_HWM, roles=("capture", "subscriber")
        )
        events = bus.connect(zmq.SUB, self._endpoints.events)
        for kind in ("identity/", "presence/"):
            events.subscribe(kind)
        ingest = bus.connect(zmq.PUSH, self._endpoints.ingest)
        reporter = StatsReporter("view", "view", ingest, latencies=self._latencies)
        poller = zmq.Poller()
        for socket in (frames, self._out, events):
            poller.register(socket, zmq.POLLIN)
        heartbeat.ready()
        while not stop.is_set():
            poller.poll(_POLL_MS)
            heartbeat.beat()
            if self._read_subscriptions() or reporter.due():
                self._tell_cameras()
            self._read_events(events)
            for offer, buffers in self._newest_offers(frames).values():
                self._publish(offer, buffers)
            reporter.tick(self._stages)
        reporter.send(self._stages(), final=True)

    def _read_subscriptions(self) -> bool:
        """Return whether anybody has subscribed or gone."""
        changed = False
        for message, *_ in receive_all(self._out):
            changed = True
            if message[:1] == b"\x00":
                self._subscriptions.discard(message[1:])
            elif message[:1] == b"\x01" and len(self._subscriptions) < _MAX_SUBSCRIPTIONS:
                self._subscriptions.add(message[1:])
        return changed

    def _tell_cameras(self) -> None:
        for camera in self._cameras:
            is_wanted = self._is_drawn(camera) or bool(self._plain_widths(camera))
            message = FramesWanted(camera, is_wanted)
            try_send(self._out, [topic("wanted", camera), *encode(message)])

    def _read_events(self, events: Socket) -> None:
        for _, *parts in receive_all(events):
            try:
                message, _ = decode(parts)
            except ProtocolError as error:
                self._event_drops.tell(error)
                continue
            match message:
                case IdentityEvent():
                    self._labels.take_event(message)
                case PresenceEvent():
                    self._labels.take_presence(message)

    def _newest_offers(
        self, frames: Socket
    ) -> dict[str, tuple[FrameOffer, list[bytes | memoryview]]]:
        newest: dict[str, tuple[FrameOffer, list[bytes | memoryview]]] = {}
        for parts in receive_all(frames):
            self._messages.receive()
            try:
                message, buffers = decode(parts)
                offer = expect(message, FrameOffer)
            except ProtocolError as error:
                self._messages.drop("malformed")
                self._frame_drops.tell(error)
                continue
            self._messages.forward()
            self._clocks.observe(offer.captured, offer.camera)
            self._pictures.receive()
            if offer.camera not in self._cameras:
                self._pictures.drop("unknown_camera")
                continue
            self._pictures.drop("superseded", int(offer.camera in newest))
            newest[offer.camera] = (offer, buffers)
        return newest

    def _publish(self, offer: FrameOffer, buffers: list[bytes | memoryview]) -> None:
        drawn, widths = self._is_drawn(offer.camera), self._plain_widths(offer.camera)
        if not (drawn or widths):
            self._pictures.drop("unwanted")
            return
        image = self._picture(offer, buffers)
        if image is None:
            self._pictures.drop("unreadable" if buffers else "overwritten")
            return
        for width in widths:
            self._publish_plain(offer, image, width)
        if drawn:
            self._publish_drawn(offer, image)
        self._pictures.forward()
        self._latencies.observe(self._clocks.age_ms(offer.captured) / 1000, offer.camera)

    def _publish_drawn(self, offer: FrameOffer, image: NDArray[np.uint8]) -> None:
        height, width = image.shape[:2]
        annotate(image, self._labels.labels(offer, width / offer.frame_wh[0]))
        event = FrameEvent(
            camera=offer.camera,
            epoch=offer.epoch,
            sequence=offer.sequence,
            captured_utc=utc_text(offer.captured.utc_ns),
            age_ms=self._clocks.age_ms(offer.captured),
            frame_wh=(width, height),
        )
        jpeg = encode_image(image, quality=self._jpeg_quality)
        try_send(self._out, [topic("frame", offer.camera), *encode(event, jpeg)])

    def _publish_plain(self, offer: FrameOffer, image: NDArray[np.uint8], widest: int) -> None:
        height, width = image.shape[:2]
        if width > widest:
            image = resize_image(image, widest, max(1, round(height * widest / width)))
        height, width = image.shape[:2]
        event = PlainFrameEvent(
            camera=offer.camera,
            epoch=offer.epoch,
            sequence=offer.sequence,
            captured_utc=utc_text(offer.captured.utc_ns),
            age_ms=self._clocks.age_ms(offer.captured),
            width=widest,
            frame_wh=(width, height),
            faces=self._labels.faces(offer, width / offer.frame_wh[0]),
        )
        jpeg = encode_image(image, quality=self._jpeg_quality)
        try_send(self._out, [plain_topic(offer.camera, widest), *encode(event, jpeg)])

    def _is_drawn(self, camera: str) -> bool:
        return wanted(self._subscriptions, "frame", camera)

    def _plain_widths(self, camera: str) -> list[int]:
        """Return the widths that are subscribed to in full: a prefix asks for none of them."""
        return [w for w in PLAIN_WIDTHS if plain_topic(camera, w) in self._subscriptions]

    def _picture(
        self, offer: FrameOffer, buffers: list[bytes | memoryview]
    ) -> NDArray[np.uint8] | None:
        if buffers:
            return decode_image(buffers[0])
        shared = self._endpoints.shared_frames.get(offer.camera)
        if shared is None or offer.slot is None or offer.generation is None:
            return None
        return shared.read(offer.slot, offer.generation)

    def _stages(self) -> tuple[StageCount, ...]:
        return self._pictures.snapshot(), self._messages.snapshot()
