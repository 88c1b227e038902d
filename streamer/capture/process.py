"""The capture process: one camera's frames in; crops to dispatch, tracks to identify out."""

import logging
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import zmq
from numpy.typing import NDArray

from streamer.capture.reader import Frame, Reader
from streamer.capture.scheduler import CropScheduler
from streamer.capture.sources import is_live, open_source
from streamer.config.sections import CameraConfig
from streamer.errors import ProtocolError
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.runtime.redact import redact
from streamer.runtime.stats import StatsReporter
from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from streamer.vision.detect import HaarDetector
from streamer.vision.images import encode_image
from streamer.vision.quality import sharpness
from streamer.vision.track import Track, Tracker
from streamer.wire.counters import StageCount, StageCounters
from streamer.wire.messages import (
    CameraState,
    CropInfo,
    CropMessage,
    SeenTrack,
    TrackFeedback,
    Tracks,
    decode,
    encode,
)
from streamer.wire.shared_frames import SharedFrames
from streamer.wire.sockets import Bus, receive_all, try_send
from streamer.wire.timestamps import NS_PER_MS, timestamp_now

log = logging.getLogger(__name__)

FRAMES_LEASE_S = 3.0
_TAKE_TIMEOUT_S = 0.1
_GOOD_SIDE_PX = 96.0
_GOOD_SHARPNESS = 0.05


@dataclass(frozen=True)
class CaptureEndpoints:
    """The addresses that a capture process talks to; `shared_frames` serve the same host."""

    crops: str
    ingest: str
    events: str
    shared_frames: SharedFrames | None = None


@dataclass
class _Wanted:
    """Whether anybody looks at this camera's pictures, as identify last said."""

    until: float = field(default=0.0)

    def now(self) -> bool:
        return time.monotonic() < self.until


class Capture:
    """One camera. `run()` owns the sockets and returns when the camera has ended or on stop."""

    def __init__(
        self,
        name: str,
        config: CameraConfig,
        base: Path,
        ports: CaptureEndpoints,
        max_age_ms: float,
    ) -> None:
        self._name = name
        self._config = config
        self._base = base
        self._endpoints = ports
        self._detector = HaarDetector(
            config.detect.cascade,
            config.detect.detect_width,
            config.detect.scale_factor,
            config.detect.neighbours,
            config.detect.min_face,
        )
        self._tracker = Tracker(config.track)
        self._policy = CropScheduler(config.capture, max_age_ms)
        self._max_age_ms = max_age_ms
        self._frames = StageCounters("frames")
        self._faces = StageCounters("faces")
        self._tracks = StageCounters("tracks")
        self._wanted = _Wanted()
        self._state = CameraState("opening")
        self._shape: tuple[int, int] = (1, 1)
        self._last: Frame | None = None
        self._next_sequence = 1
        self._searched_ms = -math.inf

    def run(self, bus: Bus, stop: Stop, heartbeat: Heartbeat) -> None:
        """Read, detect, track and send until the source ends for good or `stop` is set."""
        cv2.setNumThreads(2)  # a search of the whole picture must not outlast a frame
        self._crops = bus.connect(zmq.PUSH, self._endpoints.crops)
        self._ingest = bus.connect(zmq.PUSH, self._endpoints.ingest)
        self._hints = bus.connect(zmq.SUB, self._endpoints.events)
        self._hints.subscribe(f"hint/{self._name}".encode())
        self._reporter = StatsReporter("capture", self._name, self._ingest)
        heartbeat.ready()
        delay_s = self._config.capture.retry_min_s
        while not stop.is_set():
            frames_before = self._frames.forwarded
            fault = self._read_until_broken(stop, heartbeat)
            if stop.is_set() or fault is None:
                break
            if self._frames.forwarded > frames_before:
                delay_s = self._config.capture.retry_min_s
            self._set_state("retrying", f"{fault}; next try in {delay_s:g} s")
            until = time.monotonic() + delay_s
            while time.monotonic() < until and not stop.wait(0.1):
                self._tick(heartbeat)
            delay_s = min(2 * delay_s, self._config.capture.retry_max_s)
        self._set_state("stopped" if stop.is_set() else "ended", "")
        self._reporter.send(self._stages(), self._state, final=True)

    def _read_until_broken(self, stop: Stop, heartbeat: Heartbeat) -> str | None:
        """Process one opened source; what broke it, or None at a recording's end."""
        config = self._config
        source = config.source
        self._set_state("opening", "")
        reader = Reader(
            lambda: open_source(
                source, self._base, int(config.capture.stall_timeout_s * 1000), config.loop
            ),
            self._next_sequence,
            lossless=config.pace == "fast",
        )
        fault: str | None = None
        opened = False
        while not stop.is_set():
            self._tick(heartbeat, reader)
            frame = reader.take(_TAKE_TIMEOUT_S)
            if frame is not None:
                self._process(frame, stop, heartbeat)
                if not opened or frame.image_bgr.shape[:2] != self._shape:
                    opened = True
                    self._shape = frame.image_bgr.shape[:2]
                    self._set_state("running", f"{self._shape[1]}x{self._shape[0]}")
            elif reader.ended:
                fault = reader.fault or ("the stream broke off" if reader.live else None)
                break
            elif opened and reader.live:
                silent_s = time.monotonic() - reader.last_read
                if silent_s > config.capture.stall_timeout_s:
                    self._set_state("stalled", f"no frame for {silent_s:.1f} s")
                    fault = f"no frame for {silent_s:.1f} s"
                    break
        reader.close()
        self._settle(reader)
        self._end_tracks()
        return redact(fault) if fault is not None else None

    def _process(self, frame: Frame, stop: Stop, heartbeat: Heartbeat) -> None:
        if frame.cut:
            self._end_tracks()
            self._searched_ms = -math.inf
        boxes = self._detect(frame)
        tracks = self._tracker.update(boxes, frame.media_ms)
        found = [track for track in tracks if track.found]
        self._faces.receive(len(boxes))
        self._faces.drop("unconfirmed", len(boxes) - len(found))
        self._last = frame
        self._send_tracks(frame, tracks)
        for track in found:
            self._offer_crop(frame, track, stop, heartbeat)
        self._frames.forward()

    def _detect(self, frame: Frame) -> list[Box]:
        """Search the whole picture now and then, and around known faces in between."""
        since_ms = frame.media_ms - self._searched_ms
        if 0 <= since_ms < self._config.detect.search_interval_ms:
            return self._detector.detect(frame.image_bgr, self._tracker.expected(frame.media_ms))
        self._searched_ms = frame.media_ms
        return self._detector.detect(frame.image_bgr)

    def _send_tracks(self, frame: Frame, tracks: list[Track]) -> None:
        ended = self._tracker.take_ended()
        for number in ended:
            self._policy.forget(number)
        slot, picture = None, []
        if self._wanted.now():
            if self._endpoints.shared_frames is not None:
                slot = self._endpoints.shared_frames.write(frame.image_bgr)
            else:
                picture = [encode_image(frame.image_bgr, quality=90)]
        height, width = frame.image_bgr.shape[:2]
        message = Tracks(
            self._name,
            frame.sequence,
            frame.captured,
            frame.media_ms,
            (width, height),
            tuple(SeenTrack(t.number, t.box.rounded(), t.found) for t in tracks),
            tuple(ended),
            *(slot or (None, None)),
        )
        self._tracks.receive()
        if try_send(self._ingest, encode(message, *picture)):
            self._tracks.forward()
        else:
            self._tracks.drop("queue_full")

    def _offer_crop(self, frame: Frame, track: Track, stop: Stop, heartbeat: Heartbeat) -> None:
        skip_reason = self._policy.skip_reason(track.number, frame.media_ms, _now_ms())
        if skip_reason == "in_flight" and self._config.pace == "fast":
            skip_reason = self._wait_for_answer(frame, track, stop, heartbeat)
        if skip_reason is None:
            crop_rgb = cut_crop(frame.image_bgr, track.box)
            sharp = sharpness(crop_rgb)
            if sharp < self._config.capture.min_sharpness:
                skip_reason = "blurred"
            elif not self._send_crop(frame, track, crop_rgb, sharp):
                skip_reason = "queue_full"
        if skip_reason is None:
            self._faces.forward()
        else:
            self._faces.drop(skip_reason)

    def _wait_for_answer(
        self, frame: Frame, track: Track, stop: Stop, heartbeat: Heartbeat
    ) -> str | None:
        """A recording read as fast as possible waits for its crops instead of losing them."""
        while not stop.is_set():
            self._hints.poll(50)
            self._tick(heartbeat)
            skip_reason = self._policy.skip_reason(track.number, frame.media_ms, _now_ms())
            if skip_reason != "in_flight":
                return skip_reason
        return "in_flight"

    def _send_crop(
        self, frame: Frame, track: Track, crop_rgb: NDArray[np.uint8], sharp: float
    ) -> bool:
        info = CropInfo(
            self._name,
            track.number,
            frame.sequence,
            # A lossless reader may have waited long with this frame: its age starts now.
            timestamp_now() if self._config.pace == "fast" else frame.captured,
            frame.media_ms,
            track.box.rounded(),
            crop_quality(track.box.width, sharp),
        )
        if not try_send(self._crops, encode(CropMessage(info), crop_rgb.tobytes())):
            return False
        self._policy.sent(track.number, frame.sequence, frame.media_ms, _now_ms())
        return True

    def _end_tracks(self) -> None:
        self._tracker.end_all()
        if self._last is not None:
            self._send_tracks(self._last, [])

    def _settle(self, reader: Reader) -> None:
        """Close a reader's account; a frame that nobody took any more is dropped."""
        read, superseded, waiting = reader.counts()
        self._frames.receive(read)
        self._frames.drop("superseded", superseded)
        self._frames.drop("stopped", waiting)
        self._next_sequence = reader.next_sequence

    def _tick(self, heartbeat: Heartbeat, reader: Reader | None = None) -> None:
        heartbeat.beat()
        for parts in receive_all(self._hints):
            try:
                message, _ = decode(parts[1:])
            except ProtocolError as error:
                log.warning("hint dropped: %s", error)
                continue
            if isinstance(message, TrackFeedback) and message.camera == self._name:
                self._policy.take_feedback(message)
                if message.frames_wanted is not None:
                    lease_s = FRAMES_LEASE_S if message.frames_wanted else 0.0
                    self._wanted.until = time.monotonic() + lease_s
        self._reporter.tick(lambda: self._stages(reader), self._state)

    def _stages(self, reader: Reader | None = None) -> tuple[StageCount, ...]:
        frames = self._frames.snapshot()
        if reader is not None:
            read, superseded, waiting = reader.counts()
            running = StageCounters("frames")
            running.receive(self._frames.received + read)
            running.forward(self._frames.forwarded)
            running.dropped = self._frames.dropped.copy()
            running.drop("superseded", superseded)
            frames = running.snapshot(waiting)
        return (frames, self._faces.snapshot(), self._tracks.snapshot())

    def _set_state(self, state: str, detail: str) -> None:
        changed = CameraState(state, redact(detail))  # type: ignore[arg-type]
        if changed != self._state:
            log.info("camera %s: %s %s", self._name, state, changed.detail)
        self._state = changed


def crop_quality(side_px: float, sharp: float) -> float:
    """How much a crop's vote counts, in [0.3, 1]: small and blurred faces count less."""
    return max(0.3, min(1.0, side_px / _GOOD_SIDE_PX) * min(1.0, sharp / _GOOD_SHARPNESS))


def _now_ms() -> float:
    return time.monotonic_ns() / NS_PER_MS


def source_is_live(config: CameraConfig) -> bool:
    """True for a camera that should never end."""
    return is_live(config.source)
