"""The view process in a thread, with real sockets for cameras, identify and a viewer."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import zmq
from numpy.typing import NDArray

from streamer.bus.sockets import Socket, open_bus
from streamer.client.subscriber import Subscriber
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.view.process import View, ViewEndpoints
from streamer.vision.images import decode_image, encode_image, shrink_to_fit
from streamer.wire.codec import decode, encode
from streamer.wire.messages import (
    FrameEvent,
    FrameOffer,
    FramesWanted,
    PlainFrameEvent,
    PresenceEvent,
    PresentTrack,
    SeenTrack,
    Stats,
)
from streamer.wire.shared_frames import SLOT_PIXEL_BYTES, SharedFrames, make_shared_frames
from streamer.wire.timestamps import timestamp_now
from streamer.wire.topics import topic

PATIENCE_S = 60
BOX = (40, 60, 80, 80)
SEEN = (SeenTrack(1, BOX, True),)
ADA = PresentTrack(
    track="e-1", identity="Ada", stranger=None, probability=0.9, box_xywh=BOX, entered_utc="t"
)
GREY = np.full((240, 320, 3), 128, np.uint8)


class Scene:
    """A running view with a camera `door`, identify's events, and what it reports."""

    def __init__(self, folder: Path) -> None:
        self.address = {
            name: f"ipc://{folder}/{name}" for name in ("frames", "pictures", "events", "ingest")
        }
        descriptor = make_shared_frames()
        self.shared_frames = SharedFrames(descriptor)
        self._stop = Stop()
        endpoints = ViewEndpoints(**self.address, shared_frames={"door": self.shared_frames})
        self._view = View(["door", "hall"], endpoints, jpeg_quality=95)
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with open_bus(linger_ms=1000) as bus:
            self._view.run(bus, self._stop, Heartbeat(None, self._stop))

    @contextmanager
    def running(self) -> Iterator["Scene"]:
        with open_bus() as bus:
            self.events = bus.bind(zmq.XPUB, self.address["events"])
            self._ingest = bus.bind(zmq.PULL, self.address["ingest"])
            self._thread.start()
            self.frames = bus.connect(zmq.PUSH, self.address["frames"])
            self._wanted = bus.connect(zmq.SUB, self.address["pictures"])
            self._wanted.subscribe(topic("wanted", "door"))
            for _ in range(2):  # identity/ and presence/
                assert self.events.poll(PATIENCE_S * 1000)
                self.events.recv()
            try:
                yield self
            finally:
                self._stop.set()
                self._thread.join(PATIENCE_S)
                assert not self._thread.is_alive()
        self.shared_frames.close()

    def wait_until_wanted(self, wanted: bool) -> None:
        for _ in range(100):
            assert self._wanted.poll(PATIENCE_S * 1000)
            message, _ = decode(self._wanted.recv_multipart()[1:])
            assert isinstance(message, FramesWanted)
            if message.wanted == wanted:
                return
        pytest.fail("the view process did not change its mind")

    def offer(
        self,
        image: NDArray[np.uint8],
        camera: str = "door",
        tracks: tuple[SeenTrack, ...] = SEEN,
        jpeg: bytes = b"",
    ) -> None:
        slot = None if jpeg else self.shared_frames.write(shrink_to_fit(image, SLOT_PIXEL_BYTES))
        message = FrameOffer(
            camera=camera, epoch="e", sequence=1, captured=timestamp_now(),
            frame_wh=(image.shape[1], image.shape[0]), tracks=tracks,
            slot=slot[0] if slot else None, generation=slot[1] if slot else None,
        )  # fmt: skip
        self.frames.send_multipart(encode(message, *([jpeg] if jpeg else [])))

    def report(self, holds: Callable[[dict[str, int]], bool]) -> None:
        """Read reports until the drops of all stages are as wanted; each must add up."""
        for _ in range(100):
            assert self._ingest.poll(PATIENCE_S * 1000)
            message, _ = decode(self._ingest.recv_multipart())
            assert isinstance(message, Stats)
            assert [stage.unaccounted for stage in message.stages] == [0, 0]
            if holds({why: n for each in message.stages for why, n in each.dropped.items()}):
                return
        pytest.fail("the report never said so")

    def wait_until_told(self, caplog: pytest.LogCaptureFixture, beginning: str) -> None:
        """Read reports until the log has such a line; view's turns go on meanwhile."""
        for _ in range(100):
            if any(message.startswith(beginning) for message in caplog.messages):
                return
            assert self._ingest.poll(PATIENCE_S * 1000)
            self._ingest.recv_multipart()
        pytest.fail("the log never said so")


@pytest.fixture
def scene(folder: Path) -> Iterator[Scene]:
    with Scene(folder).running() as running:
        yield running


def next_picture(viewer: Subscriber) -> tuple[FrameEvent, NDArray[np.uint8]]:
    received = viewer.receive(PATIENCE_S)
    assert received is not None
    event, jpeg = received
    assert isinstance(event, FrameEvent)
    image = decode_image(jpeg)
    assert image is not None
    return event, image


def is_green(pixel: NDArray[np.uint8]) -> bool:
    blue, green, red = (int(value) for value in pixel)
    return green > blue + 40 and green > red + 40


def present(socket: Socket) -> None:
    snapshot = PresenceEvent("door", "p", (ADA,))
    socket.send_multipart([topic("presence", "door"), *encode(snapshot)])


def test_a_frame_is_drawn_for_who_watches_and_for_nobody_else(scene: Scene) -> None:
    scene.wait_until_wanted(False)
    scene.offer(GREY)
    scene.report(lambda dropped: dropped == {"unwanted": 1})
    with Subscriber(scene.address["pictures"], ["frame/door"]) as viewer:
        scene.wait_until_wanted(True)
        present(scene.events)
        for _ in range(1000):  # the presence and the offer come on two sockets
            scene.offer(GREY)
            event, image = next_picture(viewer)
            if is_green(image[BOX[1] + 40, BOX[0]]):
                break
        assert event.frame_wh == (320, 240)
        assert is_green(image[BOX[1] + 40, BOX[0]])
        assert not is_green(image[BOX[1] + 40, BOX[0] + 40])
    scene.wait_until_wanted(False)


def test_a_plain_picture_is_made_in_the_width_that_is_asked_for_in_full(scene: Scene) -> None:
    with Subscriber(scene.address["pictures"], ["plain/door/"]) as viewer:
        with Subscriber(scene.address["pictures"], ["frame/door"]):
            scene.wait_until_wanted(True)  # for the drawn ones alone
        scene.wait_until_wanted(False)
        viewer.subscribe("plain/door/320")
        scene.wait_until_wanted(True)
        present(scene.events)
        large = np.full((480, 640, 3), 128, np.uint8)
        for _ in range(1000):  # the presence and the offer come on two sockets
            scene.offer(large, tracks=(*SEEN, SeenTrack(2, BOX, True), SeenTrack(3, BOX, False)))
            received = viewer.receive(PATIENCE_S)
            assert received is not None
            event, jpeg = received
            assert isinstance(event, PlainFrameEvent)
            if event.faces[0].probability is not None:
                break
        assert isinstance(event, PlainFrameEvent)
        known, unknown = event.faces
        assert (known.track, known.identity, known.probability) == ("e-1", "Ada", 0.9)
        assert (unknown.track, unknown.identity, unknown.probability) == ("e-2", None, None)
        assert (event.width, event.frame_wh, known.box_xywh) == (320, (320, 240), (20, 30, 40, 40))
        image = decode_image(jpeg)
        assert image is not None
        assert np.ptp(image) < 5  # nothing is drawn on it
        viewer.unsubscribe("plain/door/320")
        scene.wait_until_wanted(False)


def test_a_frame_larger_than_the_shared_memory_is_shown_smaller(scene: Scene) -> None:
    large = np.full((3000, 5000, 3), 128, np.uint8)
    assert large.nbytes > SLOT_PIXEL_BYTES
    box = (1000, 1000, 1000, 1000)
    with Subscriber(scene.address["pictures"], ["frame/door"]) as viewer:
        scene.wait_until_wanted(True)
        scene.offer(large, tracks=(SeenTrack(1, box, True),))
        event, image = next_picture(viewer)
    assert image.nbytes <= SLOT_PIXEL_BYTES
    assert event.frame_wh == (image.shape[1], image.shape[0])
    scale = image.shape[1] / 5000
    assert scale == pytest.approx(image.shape[0] / 3000, abs=1e-3)
    middle = round(1500 * scale)
    edge = image[middle, round(1000 * scale) - 2 : round(1000 * scale) + 3].astype(int)
    assert np.abs(edge - 128).max() > 20  # the box's left side is where the face is
    assert np.abs(image[middle, middle].astype(int) - 128).max() < 5


def test_a_jpeg_of_another_host_is_drawn_too_and_noise_is_counted(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    with Subscriber(scene.address["pictures"], ["frame/hall"]) as viewer:
        scene.wait_until_wanted(False)  # for the door
        for _ in range(100):
            scene.offer(GREY, "hall", (), encode_image(GREY))
            received = viewer.receive(1.0)
            if received is not None:
                break
        assert received is not None
        scene.offer(GREY, "hall", (), b"no picture")
        scene.report(lambda dropped: dropped.get("unreadable", 0) == 1)
    scene.offer(GREY, "cellar")
    scene.report(lambda dropped: dropped.get("unknown_camera", 0) == 1)
    scene.frames.send_multipart([b"noise"])
    scene.frames.send_multipart(encode(FramesWanted("door", True)))
    for _ in range(3):
        scene.events.send_multipart([topic("presence", "door"), b"noise"])
    scene.report(lambda dropped: dropped.get("malformed", 0) == 2)
    scene.wait_until_told(caplog, "event dropped: ")
    assert sorted(message.partition(":")[0] for message in caplog.messages) == [
        "event dropped",
        "frame dropped",
    ]
