"""A capture process's sockets: crops, tracks and frames out; feedback and wishes in."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import zmq
from numpy.typing import NDArray

from streamer.bus.sockets import Bus, Socket, receive_all, try_send
from streamer.errors import ProtocolError
from streamer.runtime.drop_log import DropLog
from streamer.tracking.track import Track
from streamer.vision.images import encode_image, shrink_to_fit
from streamer.wire.codec import decode, encode, expect
from streamer.wire.counters import StageCounters
from streamer.wire.messages import (
    CropInfo,
    CropMessage,
    FrameOffer,
    FramesWanted,
    PauseEvent,
    SeenTrack,
    TrackFeedback,
    Tracks,
)
from streamer.wire.shared_frames import SLOT_PIXEL_BYTES, SharedFrames
from streamer.wire.timestamps import Timestamp
from streamer.wire.topics import topic

log = logging.getLogger(__name__)

WANTED_LEASE_S = 3.0
KEEP_ALIVE_S = 0.5
FINAL_TIMEOUT_MS = 1000
_REMOTE_JPEG_QUALITY = 90

M = TypeVar("M")


@dataclass(frozen=True, kw_only=True)
class CaptureEndpoints:
    """The addresses that a capture process talks to; `shared_frames` serve the same host."""

    crops: str
    ingest: str
    events: str
    frames: str
    pictures: str
    shared_frames: SharedFrames | None = None


@dataclass(frozen=True, kw_only=True)
class FrameFacts:
    """What every message about a frame says of it."""

    sequence: int
    captured: Timestamp
    media_ms: float


class CaptureLinks:
    """The sockets of one capture process, for the thread that makes it."""

    def __init__(self, bus: Bus, endpoints: CaptureEndpoints, camera: str, epoch: str) -> None:
        self._camera, self._epoch = camera, epoch
        self._shared_frames = endpoints.shared_frames
        self._crops = bus.connect(zmq.PUSH, endpoints.crops)
        self.ingest = bus.connect(zmq.PUSH, endpoints.ingest)
        self._frames = bus.connect(zmq.PUSH, endpoints.frames)
        self._feedback = _subscribe(bus, endpoints.events, topic("feedback", camera))
        self._wanted = _subscribe(bus, endpoints.pictures, topic("wanted", camera))
        self._pause = _subscribe(bus, endpoints.events, topic("pause", camera))
        self._wanted_until = 0.0
        self._last: tuple[FrameFacts, tuple[SeenTrack, ...]] | None = None
        self._last_sent = 0.0
        self._undelivered = False
        self._drops = DropLog(log)
        self.tracks = StageCounters("tracks")
        self.offers = StageCounters("frame offers")

    def frames_wanted(self) -> bool:
        """Return whether somebody watches this camera, as the view process last said."""
        for message in self._messages(self._wanted, FramesWanted):
            if message.camera == self._camera:
                lease_s = WANTED_LEASE_S if message.wanted else 0.0
                self._wanted_until = time.monotonic() + lease_s
        return time.monotonic() < self._wanted_until

    def feedback(self) -> Iterator[TrackFeedback]:
        """Yield what identify has said of this run's tracks since the last call."""
        for message in self._messages(self._feedback, TrackFeedback):
            if (message.camera, message.epoch) == (self._camera, self._epoch):
                yield message

    def paused(self, before: bool) -> bool:
        """Return whether the camera is to be closed; `before`, where nothing new was said.

        There is no lease: with nobody there to say anything, a camera stays as it is.
        """
        for message in self._messages(self._pause, PauseEvent):
            if message.camera == self._camera:
                before = message.paused
        return before

    def wait_for_feedback(self, timeout_ms: int) -> None:
        """Sleep until identify says something, or the time is up."""
        self._feedback.poll(timeout_ms)

    def send_tracks(self, facts: FrameFacts, tracks: list[Track]) -> None:
        """Send all live tracks. One that cannot be sent is counted, and the next one heals it."""
        self._last = facts, _seen(tracks)
        self._send_snapshot(*self._last)

    def keep_alive(self) -> None:
        """Repeat the last snapshot if no frame has come for a while."""
        if self._last is not None and time.monotonic() - self._last_sent >= KEEP_ALIVE_S:
            self._repeat_snapshot(*self._last)

    def silent_for_s(self) -> float:
        """Return the seconds since the last snapshot was sent."""
        return time.monotonic() - self._last_sent

    def flush_tracks(self) -> None:
        """Try once more, for a moment, to deliver the last snapshot."""
        if self._undelivered and self._last is not None:
            self.ingest.poll(FINAL_TIMEOUT_MS, zmq.POLLOUT)
            self._repeat_snapshot(*self._last)

    def offer_frame(
        self, facts: FrameFacts, image_bgr: NDArray[np.uint8], tracks: list[Track]
    ) -> None:
        """Give a frame to the view process, in shared memory on one host, as a JPEG to another."""
        height, width = image_bgr.shape[:2]
        slot, picture = None, []
        if self._shared_frames is not None:
            slot = self._shared_frames.write(shrink_to_fit(image_bgr, SLOT_PIXEL_BYTES))
        else:
            picture = [encode_image(image_bgr, quality=_REMOTE_JPEG_QUALITY)]
        offer = FrameOffer(
            camera=self._camera,
            epoch=self._epoch,
            sequence=facts.sequence,
            captured=facts.captured,
            frame_wh=(width, height),
            tracks=_seen(tracks),
            slot=slot[0] if slot else None,
            generation=slot[1] if slot else None,
        )
        self.offers.receive()
        if try_send(self._frames, encode(offer, *picture)):
            self.offers.forward()
        else:
            self.offers.drop("queue_full")

    def send_crop(self, info: CropInfo, crop_rgb: NDArray[np.uint8]) -> bool:
        """Send a crop to dispatch; return False where its queue is full."""
        return try_send(self._crops, encode(CropMessage(info), crop_rgb.tobytes()))

    def _repeat_snapshot(self, facts: FrameFacts, seen: tuple[SeenTrack, ...]) -> None:
        """Send it again: nobody was found anew."""
        self._send_snapshot(facts, tuple(replace(track, found=False) for track in seen))

    def _send_snapshot(self, facts: FrameFacts, seen: tuple[SeenTrack, ...]) -> None:
        message = Tracks(
            camera=self._camera,
            epoch=self._epoch,
            sequence=facts.sequence,
            captured=facts.captured,
            media_ms=facts.media_ms,
            tracks=seen,
        )
        self.tracks.receive()
        self._undelivered = not try_send(self.ingest, encode(message))
        if self._undelivered:
            self.tracks.drop("queue_full")
        else:
            self.tracks.forward()
        self._last_sent = time.monotonic()

    def _messages(self, socket: Socket, cls: type[M]) -> Iterator[M]:
        for _, *parts in receive_all(socket):
            try:
                yield expect(decode(parts)[0], cls)
            except ProtocolError as error:
                self._drops.tell(error)


def _seen(tracks: list[Track]) -> tuple[SeenTrack, ...]:
    return tuple(SeenTrack(track.number, track.box.rounded(), track.found) for track in tracks)


def _subscribe(bus: Bus, address: str, to: bytes) -> Socket:
    socket = bus.connect(zmq.SUB, address)
    socket.subscribe(to)
    return socket
