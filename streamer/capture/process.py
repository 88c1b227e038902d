"""The capture process: one camera's frames in; crops to dispatch, tracks to identify out."""

import logging
import time
from pathlib import Path

import cv2

from streamer.bus.sockets import Bus
from streamer.capture.governor import Governor
from streamer.capture.links import CaptureEndpoints, CaptureLinks, FrameFacts
from streamer.capture.reader import Frame, Reader
from streamer.capture.sources import open_source
from streamer.config.sections import CameraConfig
from streamer.constants import CAMERA_LEASE_S
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.runtime.redact import redact
from streamer.runtime.stats import StatsReporter
from streamer.tracking.follow import FaceFollower
from streamer.tracking.scheduler import CropScheduler
from streamer.tracking.track import Track
from streamer.vision.align import Alignment
from streamer.vision.quality import MeasuredCrop, measure_crop
from streamer.wire.counters import StageCount, StageCounters
from streamer.wire.epochs import new_epoch
from streamer.wire.latencies import LatencyCounters
from streamer.wire.messages import CameraState, CropInfo
from streamer.wire.timestamps import NS_PER_MS, age_ms, timestamp_now

log = logging.getLogger(__name__)

_TAKE_TIMEOUT_S = 0.1
_LOSSLESS_ANSWER_MS = 20_000.0  # a recording waits so long before it gives a crop up for lost


class Capture:
    """One camera. `run()` owns the sockets and returns when the camera has ended or on stop."""

    def __init__(
        self,
        name: str,
        config: CameraConfig,
        base: Path,
        endpoints: CaptureEndpoints,
        max_age_ms: float,
        alignment: Alignment,
    ) -> None:
        self._name = name
        self._config = config
        self._base = base
        self._endpoints = endpoints
        self._alignment = alignment
        self._epoch = new_epoch()
        self._lossless = config.pace == "fast"
        self._follower = FaceFollower(config.detect, config.track, beside=not self._lossless)
        self._governor = Governor()
        self._superseded = 0
        answer_ms = _LOSSLESS_ANSWER_MS if self._lossless else max_age_ms
        self._scheduler = CropScheduler(config.capture, answer_ms, paced=not self._lossless)
        self._frames = StageCounters("frames")
        self._latencies = LatencyCounters("frames")
        self._faces = StageCounters("faces")
        self._frames_in_hand = 0
        self._faces_in_hand = 0
        self._state = CameraState("opening")
        self._shape: tuple[int, int] = (1, 1)
        self._last: FrameFacts | None = None
        self._next_sequence = 1

    def run(self, bus: Bus, stop: Stop, heartbeat: Heartbeat) -> None:
        """Read, detect, track and send until the source ends for good or `stop` is set."""
        cv2.setNumThreads(1)  # cameras share the processor; long searches run beside the frames
        self._stop, self._heartbeat = stop, heartbeat
        self._links = CaptureLinks(bus, self._endpoints, self._name, self._epoch)
        self._reporter = StatsReporter(
            "capture",
            self._name,
            self._links.ingest,
            epoch=self._epoch,
            latencies=self._latencies,
        )
        heartbeat.ready()
        delay_s = self._config.capture.retry_min_s
        while not stop.is_set():
            frames_before = self._frames.forwarded
            fault = self._read_until_broken()
            if stop.is_set() or fault is None:
                break
            if self._frames.forwarded > frames_before:
                delay_s = self._config.capture.retry_min_s
            self._set_state("retrying", f"{fault}; next try in {delay_s:g} s")
            until = time.monotonic() + delay_s
            while time.monotonic() < until and not stop.wait(0.1):
                self._tick()
            delay_s = min(2 * delay_s, self._config.capture.retry_max_s)
        self._follower.close()
        self._links.flush_tracks()
        self._set_state("stopped" if stop.is_set() else "ended", "")
        self._reporter.send(self._stages(), self._state, final=True)

    def _read_until_broken(self) -> str | None:
        """Process one opened source; return what broke it, or None at a recording's end."""
        config, stop = self._config, self._stop
        source = config.source
        self._set_state("opening", "")
        reader = Reader(
            lambda: open_source(
                source, self._base, int(config.capture.stall_timeout_s * 1000), config.loop
            ),
            self._next_sequence,
            lossless=self._lossless,
        )
        fault: str | None = None
        opened = False
        self._superseded = 0
        while not stop.is_set():
            self._tick(reader)
            frame = reader.take(_TAKE_TIMEOUT_S)
            if frame is not None:
                self._process(frame, reader)
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
        self._await_answers(reader)
        reader.close()
        self._settle(reader)
        self._end_tracks()
        return redact(fault) if fault is not None else None

    def _process(self, frame: Frame, reader: Reader) -> None:
        self._frames_in_hand = 1
        if frame.cut or self._links.silent_for_s() > CAMERA_LEASE_S:
            # A new scene, or a pause in which everybody here has been given up.
            self._await_answers(reader)
            self._end_tracks()
        looks = self._lossless or self._governor.is_to_look() or frame.cut
        if looks:
            rarely = self._governor.effort.rarely
            tracks = self._follower.update(frame.image_bgr, frame.media_ms, rarely=rarely)
        else:  # there is too little processor to look at each frame
            tracks = self._follower.pass_over(frame.media_ms)
        self._forget_ended(reader)
        found = [track for track in tracks if looks and track.found]
        self._faces.receive(self._follower.boxes_found)
        unconfirmed = self._follower.boxes_found - self._follower.not_faces - len(found)
        self._faces.drop("not_a_face", self._follower.not_faces)
        self._faces.drop("unconfirmed", unconfirmed)
        self._faces_in_hand = len(found)
        self._last = FrameFacts(
            sequence=frame.sequence, captured=frame.captured, media_ms=frame.media_ms
        )
        self._links.send_tracks(self._last, tracks)
        if self._links.frames_wanted():
            self._links.offer_frame(self._last, frame.image_bgr, tracks)
        for track in found:
            self._offer_crop(frame, track, reader)
        self._frames.forward()
        self._frames_in_hand = 0
        self._latencies.observe(age_ms(frame.captured) / 1000, self._name)
        self._learn_load(frame, reader)

    def _learn_load(self, frame: Frame, reader: Reader) -> None:
        if self._lossless:
            return
        superseded = reader.counts()[1]
        now_ms = _now_ms()
        age_ms = now_ms - frame.captured.monotonic_ns / NS_PER_MS
        self._governor.done(now_ms, age_ms, max(0, superseded - self._superseded))
        self._superseded = superseded

    def _offer_crop(self, frame: Frame, track: Track, reader: Reader) -> None:
        reason = self._scheduler.skip_reason(track.number, frame.media_ms, _now_ms())
        if reason == "in_flight" and self._lossless:
            reason = self._wait_for_answer(frame, track, reader)
        if reason is None:
            face = self._follower.face_of(track)
            crop = measure_crop(frame.image_bgr, face, self._alignment)
            if crop.sharpness < self._config.capture.min_sharpness:
                reason = "blurred"
            elif not self._send_crop(frame, track, crop):
                reason = "queue_full"
        if reason is None:
            self._faces.forward()
        else:
            self._faces.drop(reason)
        self._faces_in_hand -= 1

    def _wait_for_answer(self, frame: Frame, track: Track, reader: Reader) -> str | None:
        """Wait with a recording that is read as fast as possible, instead of losing its crops."""
        while not self._stop.is_set():
            self._links.wait_for_feedback(50)
            self._tick(reader)
            reason = self._scheduler.skip_reason(track.number, frame.media_ms, _now_ms())
            if reason != "in_flight":
                return reason
        return "in_flight"

    def _await_answers(self, reader: Reader) -> None:
        """Before the tracks of such a recording end, wait for what is still to be said of them."""
        while self._lossless and self._scheduler.waits(_now_ms()) and not self._stop.is_set():
            self._links.wait_for_feedback(50)
            self._tick(reader)

    def _send_crop(self, frame: Frame, track: Track, crop: MeasuredCrop) -> bool:
        info = CropInfo(
            camera=self._name,
            epoch=self._epoch,
            track=track.number,
            sequence=frame.sequence,
            # A lossless reader may have waited long with this frame: its age starts now.
            captured=timestamp_now() if self._lossless else frame.captured,
            media_ms=frame.media_ms,
            box_xywh=track.box.rounded(),
            quality=crop.quality,
            lossless=self._lossless,
        )
        if not self._links.send_crop(info, crop.crop_rgb):
            return False
        self._scheduler.sent(track.number, frame.sequence, frame.media_ms, _now_ms())
        return True

    def _end_tracks(self) -> None:
        self._follower.end_all()
        self._forget_ended()
        if self._last is not None:
            self._links.send_tracks(self._last, [])

    def _forget_ended(self, reader: Reader | None = None) -> None:
        ended = self._follower.take_ended()
        if ended and reader is not None:
            self._await_answers(reader)
        for number in ended:
            self._scheduler.forget(number)

    def _settle(self, reader: Reader) -> None:
        """Close a reader's account; a frame that nobody took any more is dropped."""
        read, superseded, waiting = reader.counts()
        self._frames.receive(read)
        self._frames.drop("superseded", superseded)
        self._frames.drop("stopped", waiting)
        self._next_sequence = reader.next_sequence

    def _tick(self, reader: Reader | None = None) -> None:
        self._heartbeat.beat()
        for feedback in self._links.feedback():
            self._scheduler.take_feedback(feedback, _now_ms())
        self._links.keep_alive()
        self._reporter.tick(lambda: self._stages(reader), self._state)

    def _stages(self, reader: Reader | None = None) -> tuple[StageCount, ...]:
        frames = self._frames.snapshot(self._frames_in_hand)
        if reader is not None:
            read, superseded, waiting = reader.counts()
            running = StageCounters("frames")
            running.receive(self._frames.received + read)
            running.forward(self._frames.forwarded)
            running.dropped = self._frames.dropped.copy()
            running.drop("superseded", superseded)
            frames = running.snapshot(waiting + self._frames_in_hand)
        faces = self._faces.snapshot(self._faces_in_hand)
        return (frames, faces, self._links.tracks.snapshot(), self._links.offers.snapshot())

    def _set_state(self, state: str, detail: str) -> None:
        changed = CameraState(state, redact(detail))  # type: ignore[arg-type]
        if changed != self._state:
            log.info("camera %s: %s %s", self._name, state, changed.detail)
        self._state = changed


def _now_ms() -> float:
    return time.monotonic_ns() / NS_PER_MS
