"""A capture process before a recording that waits: no track ends before its last crops are used."""

import threading
from pathlib import Path

import cv2
import numpy as np
import zmq
from numpy.typing import NDArray

from streamer.bus.sockets import open_bus
from streamer.capture.demo import background
from streamer.capture.links import CaptureEndpoints
from streamer.capture.process import Capture
from streamer.config.sections import CameraConfig, TrackConfig
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.wire.codec import decode, encode
from streamer.wire.messages import CropInfo, CropMessage, TrackFeedback, Tracks
from streamer.wire.topics import topic

PATIENCE_MS = 60_000
FACE_FRAMES = 8


def make_clip(path: Path, portrait: NDArray[np.uint8]) -> None:
    """Write a face before a wall, and then the wall alone."""
    wall = np.asarray(cv2.resize(background(), None, fx=0.5, fy=0.5), np.uint8)
    with_face = wall.copy()
    with_face[100:220, 150:270] = cv2.resize(portrait, (120, 120))
    size = (wall.shape[1], wall.shape[0])
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, size)
    for number in range(5 * FACE_FRAMES):
        writer.write(with_face if number < FACE_FRAMES else wall)
    writer.release()


def test_a_track_of_a_recording_ends_after_its_last_answers(
    folder: Path, collins: NDArray[np.uint8]
) -> None:
    make_clip(folder / "door.avi", collins)
    endpoints = CaptureEndpoints(
        crops=f"ipc://{folder}/crops", ingest=f"ipc://{folder}/ingest",
        events=f"ipc://{folder}/events", frames=f"ipc://{folder}/frames",
        pictures=f"ipc://{folder}/pictures",
    )  # fmt: skip
    capture = Capture(
        "door",
        CameraConfig(
            source="door.avi",
            pace="fast",
            track=TrackConfig(lost_after_ms=300),
        ),
        folder,
        endpoints,
        1000.0,
        "square",
    )
    stop = Stop()

    def run() -> None:
        with open_bus(linger_ms=1000) as bus:
            capture.run(bus, stop, Heartbeat(None, stop))

    with open_bus() as far:
        crops, ingest = (far.bind(zmq.PULL, at) for at in (endpoints.crops, endpoints.ingest))
        events = far.bind(zmq.XPUB, endpoints.events)
        poller = zmq.Poller()
        for socket in (crops, ingest):
            poller.register(socket, zmq.POLLIN)
        thread = threading.Thread(target=run)
        thread.start()
        assert events.poll(PATIENCE_MS), "it subscribes to feedback"
        unanswered: list[CropInfo] = []
        sequence, ended_with, ended = 0, -1, False
        try:
            while not ended:
                assert poller.poll(PATIENCE_MS)
                while crops.poll(0):
                    message = decode(crops.recv_multipart())[0]
                    assert isinstance(message, CropMessage)
                    unanswered.append(message.info)
                waits = False
                while ingest.poll(0) and not ended:
                    said = decode(ingest.recv_multipart())[0]
                    if isinstance(said, Tracks):
                        waits = said.sequence == sequence  # it repeats itself
                        sequence = said.sequence
                        ended = bool(not said.tracks and sequence > FACE_FRAMES)
                        ended_with = len(unanswered)
                for info in list(unanswered):
                    if waits or info.sequence < FACE_FRAMES - 1:
                        unanswered.remove(info)
                        feedback = TrackFeedback(
                            camera="door", epoch=info.epoch, track=info.track,
                            sequence=info.sequence, certain=False,
                        )  # fmt: skip
                        events.send_multipart([topic("feedback", "door"), *encode(feedback)])
        finally:
            stop.set()
            thread.join()
    assert ended_with == 0
    assert sequence < 5 * FACE_FRAMES, "the track ended before the recording did"
