"""The identify process in a thread, with real sockets for dispatch and a subscriber."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zmq

from streamer.bus.sockets import Socket, open_bus
from streamer.client.subscriber import Event, Subscriber
from streamer.config.sections import IdentifyConfig
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.wire.codec import MAX_HEADER_BYTES, encode
from streamer.wire.messages import CropInfo, Embeddings, GalleryEvent, Stats
from streamer.wire.timestamps import timestamp_now
from workers.classifier.impostors import Impostors
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery
from workers.identity.process import Identify, IdentifyEndpoints, IdentifyFolders
from workers.identity.publisher import EventPublisher

PATIENCE_S = 60
INFO = CropInfo(
    camera="door", epoch="e", track=1, sequence=1, captured=timestamp_now(), media_ms=0.0,
    box_xywh=(0, 0, 9, 9), quality=1.0,
)  # fmt: skip
VECTOR = np.eye(1, 128, dtype="<f4").tobytes()


@contextmanager
def identifying(folder: Path, impostors: Impostors) -> Iterator[tuple[Socket, Subscriber]]:
    """Run identify on a gallery in `folder`; its ingest, and a subscriber to its events."""
    endpoints = IdentifyEndpoints(f"ipc://{folder}/ingest", f"ipc://{folder}/events")
    folders = IdentifyFolders(folder / "gallery", folder / "next-number")
    stop = Stop()

    def run() -> None:
        with open_bus(linger_ms=1000) as bus:
            identify = Identify(IdentifyConfig(), endpoints, folders, impostors)
            identify.run(bus, stop, Heartbeat(None, stop))

    thread = threading.Thread(target=run)
    with open_bus() as bus, Subscriber(endpoints.events, ["stats", "gallery"]) as subscriber:
        thread.start()
        try:
            yield bus.connect(zmq.PUSH, endpoints.ingest), subscriber
        finally:
            stop.set()
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def wait_for(subscriber: Subscriber, holds: Callable[[Event], bool]) -> Event:
    for _ in range(1000):
        received = subscriber.receive(PATIENCE_S)
        assert received is not None
        if holds(received[0]):
            return received[0]
    pytest.fail("it never came")


def test_a_worker_with_other_weights_is_told_of_until_it_has_the_right_ones(
    folder: Path, impostors: Impostors, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.ERROR),
        identifying(folder, impostors) as (ingest, subscriber),
    ):
        for _ in range(3):
            ingest.send_multipart(encode(Embeddings((INFO,), "foreign"), VECTOR))
        told = wait_for(subscriber, lambda event: isinstance(event, Stats) and event.fault != "")
        assert isinstance(told, Stats)
        assert "foreign" in told.fault
        assert impostors.fingerprint in told.fault
        assert [stage.unaccounted for stage in told.stages] == [0] * len(told.stages)
        ingest.send_multipart(encode(Embeddings((INFO,), impostors.fingerprint), VECTOR))
        wait_for(subscriber, lambda event: isinstance(event, Stats) and event.fault == "")
    messages = [record.message for record in caplog.records if "foreign" in record.message]
    assert messages == [told.fault]


def test_vectors_that_are_no_unit_vectors_are_malformed(
    folder: Path, impostors: Impostors, caplog: pytest.LogCaptureFixture
) -> None:
    def malformed(event: Event) -> bool:
        return isinstance(event, Stats) and any(
            stage.dropped.get("malformed", 0) == 3 for stage in event.stages
        )

    with identifying(folder, impostors) as (ingest, subscriber):
        for vector in (np.zeros(128), np.full(128, np.nan), np.full(128, 2.0)):
            buffer = vector.astype("<f4").tobytes()
            ingest.send_multipart(encode(Embeddings((INFO,), impostors.fingerprint), buffer))
        wait_for(subscriber, malformed)
    assert caplog.messages == ["message dropped: embeddings must be finite unit vectors"]


def test_the_gallery_in_use_is_published(
    folder: Path, enrolled: tuple[GalleryStore, Gallery], impostors: Impostors
) -> None:
    def of_two(event: Event) -> bool:
        return isinstance(event, GalleryEvent) and event.people == 2

    with identifying(folder, impostors) as (_, subscriber):
        event = wait_for(subscriber, of_two)
    assert isinstance(event, GalleryEvent)
    assert event.names == ("Eileen Collins", "Grace Hopper")
    assert event.fingerprint == enrolled[1].fingerprint


def test_the_names_of_a_large_gallery_come_in_parts(
    folder: Path, enrolled: tuple[GalleryStore, Gallery]
) -> None:
    names = tuple(f"{number:05d} " + "Näme" * 14 for number in range(12_000))
    gallery = replace(enrolled[1], people=replace(enrolled[1].people, names=names))
    address = f"ipc://{folder}/events"
    heard: list[GalleryEvent] = []
    with open_bus() as bus, Subscriber(address, ["gallery"], hwm=0) as subscriber:
        publisher = EventPublisher(bus, address, "w")
        for _ in range(1000):  # until the subscription has arrived
            publisher.use_gallery(None)
            if subscriber.receive(0.1) is not None:
                break
        publisher.use_gallery(gallery)
        while (received := subscriber.receive(2.0)) is not None:
            assert isinstance(received[0], GalleryEvent)
            heard.append(received[0])
        parts = [event for event in heard if event.people]
        assert [event.part for event in parts] == list(range(24))
        assert {(event.people, event.parts) for event in parts} == {(12_000, 24)}
        assert tuple(name for event in parts for name in event.names) == names
        assert max(len(encode(event)[0]) for event in parts) <= MAX_HEADER_BYTES
        publisher.publish_gallery()  # a second later: one part
        again = subscriber.receive(PATIENCE_S)
        assert again is not None
        assert again[0] == parts[0]
        assert subscriber.receive(0.5) is None


def test_a_gallery_without_limits_for_tracks_is_used_and_told_of(
    folder: Path,
    enrolled: tuple[GalleryStore, Gallery],
    impostors: Impostors,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, gallery = enrolled
    old = replace(gallery, classifier=replace(gallery.classifier, limits=None))
    store.activate(store.add(old, store.next_number()))
    with (
        caplog.at_level(logging.WARNING),
        identifying(folder, impostors) as (_, subscriber),
    ):
        wait_for(subscriber, lambda e: isinstance(e, GalleryEvent) and e.version == "000003")
    (told,) = [message for message in caplog.messages if "limits for tracks" in message]
    assert "facestream rebuild" in told
