"""A capture process before a recording that waits: no track ends before its last crops are used."""

import threading
from collections.abc import Callable
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
from streamer.wire.messages import (
    CropInfo,
    CropMessage,
    PauseEvent,
    Stats,
    TrackFeedback,
    Tracks,
)
from streamer.wire.topics import topic

PATIENCE_MS = 60_000
FACE_FRAMES = 8
NAMES = ("crops", "ingest", "events", "frames", "pictures")


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


def test_a_paused_camera_closes_its_source_and_sees_nobody_until_it_goes_on(
    folder: Path, collins: NDArray[np.uint8]
) -> None:
    make_clip(folder / "door.avi", collins)
    at = {name: f"ipc://{folder}/{name}" for name in NAMES}
    capture = Capture(
        "door",
        CameraConfig(source="door.avi", loop=True),
        folder,
        CaptureEndpoints(
            crops=at["crops"],
            ingest=at["ingest"],
            events=at["events"],
            frames=at["frames"],
            pictures=at["pictures"],
        ),
        1000.0,
        "square",
        paused=True,
    )
    stop = Stop()

    def run() -> None:
        with open_bus(linger_ms=1000) as bus:
            capture.run(bus, stop, Heartbeat(None, stop))

    with open_bus() as far:
        ingest, events = far.bind(zmq.PULL, at["ingest"]), far.bind(zmq.XPUB, at["events"])
        crops = far.bind(zmq.PULL, at["crops"])
        thread = threading.Thread(target=run)
        thread.start()
        states: list[str] = []

        def hear(condition: Callable[[object], bool]) -> None:
            """Read what it sends until the condition holds of a message."""
            message: object = None
            while not condition(message):
                assert ingest.poll(PATIENCE_MS)
                message = decode(ingest.recv_multipart())[0]
                if isinstance(message, Stats) and message.camera_state is not None:
                    assert all(stage.unaccounted == 0 for stage in message.stages)
                    states.append(message.camera_state.state)

        def say(camera: str, paused: bool) -> None:
            events.send_multipart([topic("pause", "door"), *encode(PauseEvent(camera, paused))])

        try:
            hear(lambda message: "paused" in states)
            assert set(states) <= {"opening", "paused"}
            assert not crops.poll(0), "a camera that begins paused is not opened"
            say("door2", False)  # for another one
            say("door", False)
            hear(lambda message: isinstance(message, Tracks) and bool(message.tracks))
            say("door", True)
            states.clear()
            hear(lambda message: "paused" in states)
            while crops.poll(500):
                crops.recv_multipart()
            for _ in range(3):
                hear(lambda message: isinstance(message, Tracks) and not message.tracks)
            assert not crops.poll(0), "no face of a paused camera is sent"
            say("door", False)
            hear(lambda message: isinstance(message, Tracks) and bool(message.tracks))
        finally:
            stop.set()
            thread.join()
