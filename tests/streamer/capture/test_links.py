"""A capture process's sockets: what a lost message and a silent peer do."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import zmq

from streamer.bus.sockets import Bus, Socket, open_bus
from streamer.capture.links import KEEP_ALIVE_S, CaptureEndpoints, CaptureLinks, FrameFacts
from streamer.tracking.track import Track
from streamer.vision.boxes import Box
from streamer.wire.codec import decode, encode
from streamer.wire.messages import FrameOffer, FramesWanted, TrackFeedback, Tracks
from streamer.wire.timestamps import timestamp_now
from streamer.wire.topics import topic

PATIENCE_MS = 60_000
NAMES = ("crops", "ingest", "events", "frames", "pictures")
FACTS = FrameFacts(sequence=7, captured=timestamp_now(), media_ms=280.0)


def track(number: int) -> Track:
    return Track(number, Box(1.4, 2.6, 80, 80), 0.0)


@contextmanager
def linked(folder: Path) -> Iterator[tuple[CaptureLinks, Bus, dict[str, str]]]:
    """Links of a camera `door` of the run `e`, and the bus and addresses of its peers."""
    addresses = {name: f"ipc://{folder}/{name}" for name in NAMES}
    endpoints = CaptureEndpoints(
        crops=addresses["crops"], ingest=addresses["ingest"], events=addresses["events"],
        frames=addresses["frames"], pictures=addresses["pictures"],
    )  # fmt: skip
    with open_bus() as far, open_bus() as near:
        yield CaptureLinks(near, endpoints, "door", "e"), far, addresses


def received(socket: Socket) -> object:
    assert socket.poll(PATIENCE_MS)
    return decode(socket.recv_multipart())[0]


def test_a_snapshot_lists_every_live_track(folder: Path) -> None:
    with linked(folder) as (links, far, addresses):
        ingest = far.bind(zmq.PULL, addresses["ingest"])
        links.send_tracks(FACTS, [])
        assert received(ingest) == Tracks(
            camera="door", epoch="e", sequence=7, captured=FACTS.captured, media_ms=280.0,
            tracks=(),
        )  # fmt: skip
        links.send_tracks(FACTS, [track(1), track(3)])
        snapshot = received(ingest)
        assert isinstance(snapshot, Tracks)
        assert [(t.track, t.box_xywh, t.found) for t in snapshot.tracks] == [
            (1, (1, 3, 80, 80), True),
            (3, (1, 3, 80, 80), True),
        ]


def test_what_cannot_be_sent_is_counted_and_the_next_snapshot_heals_it(folder: Path) -> None:
    with linked(folder) as (links, far, addresses):
        sent = 0
        while links.tracks.dropped["queue_full"] < 3:  # nobody is there to take them
            links.send_tracks(FACTS, [track(1)])
            sent += 1
            assert sent < 10_000
        assert links.tracks.snapshot().unaccounted == 0
        ingest = far.bind(zmq.PULL, addresses["ingest"])
        for _ in range(links.tracks.forwarded):
            assert received(ingest)
        links.send_tracks(FACTS, [])
        last = received(ingest)
        assert isinstance(last, Tracks)
        assert last.tracks == ()


def test_a_snapshot_is_repeated_while_no_frame_comes(folder: Path) -> None:
    with linked(folder) as (links, far, addresses):
        ingest = far.bind(zmq.PULL, addresses["ingest"])
        links.keep_alive()
        links.send_tracks(FACTS, [track(1)])
        links.keep_alive()  # too soon
        first = received(ingest)
        time.sleep(KEEP_ALIVE_S * 1.1)
        links.keep_alive()
        again = received(ingest)
        assert isinstance(first, Tracks)
        assert isinstance(again, Tracks)
        assert [t.found for t in first.tracks + again.tracks] == [True, False]
        assert not ingest.poll(0)
        assert links.tracks.snapshot().forwarded == 2


def test_a_wish_for_frames_is_a_lease_and_only_this_cameras_counts(folder: Path) -> None:
    with linked(folder) as (links, far, addresses):
        pictures = far.bind(zmq.XPUB, addresses["pictures"])
        assert not links.frames_wanted()
        assert pictures.poll(PATIENCE_MS)
        for camera, wanted in (("door2", True), ("door", True)):
            message = FramesWanted(camera, wanted)
            pictures.send_multipart([topic("wanted", camera), *encode(message)])
        until = time.monotonic() + PATIENCE_MS / 1000
        while not links.frames_wanted() and time.monotonic() < until:
            time.sleep(0.01)
        assert links.frames_wanted()
        pictures.send_multipart([topic("wanted", "door"), *encode(FramesWanted("door", False))])
        while links.frames_wanted() and time.monotonic() < until:
            time.sleep(0.01)
        assert not links.frames_wanted()


def test_a_frame_goes_to_another_host_as_a_jpeg(folder: Path) -> None:
    with linked(folder) as (links, far, addresses):
        frames = far.bind(zmq.PULL, addresses["frames"])
        links.offer_frame(FACTS, np.zeros((48, 64, 3), np.uint8), [track(1)])
        assert frames.poll(PATIENCE_MS)
        offer, buffers = decode(frames.recv_multipart())
        assert isinstance(offer, FrameOffer)
        assert (offer.frame_wh, offer.slot) == ((64, 48), None)
        assert bytes(buffers[0][:2]) == b"\xff\xd8"
        assert links.offers.snapshot().forwarded == 1


def wait_for_subscription(events: "zmq.Socket[bytes]", to: bytes) -> None:
    """Wait for one of the subscriptions: each has a socket of its own, and any may be first."""
    heard = b""
    while not heard.startswith(b"\x01" + to):
        assert events.poll(PATIENCE_MS)
        heard = events.recv()


def test_feedback_for_an_earlier_run_or_another_camera_is_not_ours(folder: Path) -> None:
    with linked(folder) as (links, far, addresses):
        events = far.bind(zmq.XPUB, addresses["events"])
        wait_for_subscription(events, b"feedback/door")
        for camera, epoch in (("door2", "e"), ("door", "d"), ("door", "e")):
            feedback = TrackFeedback(camera=camera, epoch=epoch, track=1, sequence=7, certain=True)
            events.send_multipart([topic("feedback", camera), *encode(feedback)])
        heard: list[TrackFeedback] = []
        until = time.monotonic() + PATIENCE_MS / 1000
        while not heard and time.monotonic() < until:
            heard += links.feedback()
        assert [(f.camera, f.epoch) for f in heard] == [("door", "e")]


def test_noise_among_the_feedback_is_told_of_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with linked(folder) as (links, far, addresses):
        events = far.bind(zmq.XPUB, addresses["events"])
        wait_for_subscription(events, b"feedback/door")
        for _ in range(5):
            events.send_multipart([topic("feedback", "door"), b"\xff\x00"])
        feedback = TrackFeedback(camera="door", epoch="e", track=1, sequence=7, certain=True)
        events.send_multipart([topic("feedback", "door"), *encode(feedback)])
        heard: list[TrackFeedback] = []
        until = time.monotonic() + PATIENCE_MS / 1000
        while not heard and time.monotonic() < until:
            heard += links.feedback()
        assert heard == [feedback]
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("message dropped: ")
