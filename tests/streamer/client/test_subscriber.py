import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

import zmq

from streamer.bus.sockets import Socket, open_bus
from streamer.client.subscriber import Subscriber
from streamer.wire.codec import encode
from streamer.wire.messages import FrameEvent, IdentityEvent
from streamer.wire.topics import topic

EVENT = IdentityEvent(
    event="update", id="i", camera="door", track="e-3", identity="Ada", stranger=None,
    probability=0.9, squared_distance=0.3, box_xywh=(1, 2, 3, 4), captured_utc="t", media_ms=1.0,
    age_ms=2.0, sequence=17, epoch="one", number=1, weights="w", gallery="g",
)  # fmt: skip
FRAME = FrameEvent(
    camera="door", epoch="e", sequence=1, captured_utc="t", age_ms=3.0, frame_wh=(640, 480)
)


def publish(socket: Socket, message: IdentityEvent | FrameEvent, *buffers: bytes) -> None:
    kind: Literal["frame", "identity"] = "frame" if isinstance(message, FrameEvent) else "identity"
    socket.send_multipart([topic(kind, message.camera), *encode(message, *buffers)])


def wait_for_subscription(socket: Socket) -> None:
    assert socket.poll(60_000)
    socket.recv()


def test_a_subscriber_that_sleeps_knows_how_many_it_missed(folder: Path) -> None:
    count = 30_000
    with open_bus() as bus:
        publisher = bus.bind(zmq.XPUB, f"ipc://{folder}/events", hwm=10)
        with Subscriber(f"ipc://{folder}/events", ["identity/"], hwm=10) as sleeper:
            wait_for_subscription(publisher)
            for number in range(1, count + 1):
                publish(publisher, replace(EVENT, number=number))
            received = list(iter(lambda: sleeper.receive(1.0), None))
            assert 0 < len(received) < count
            # What is lost at the end is known with the next event that comes.
            publish(publisher, replace(EVENT, number=count + 1))
            assert sleeper.receive(60.0) is not None
            assert sleeper.missed == count - len(received)


def test_a_new_run_of_identify_is_no_loss(folder: Path) -> None:
    with open_bus() as bus:
        publisher = bus.bind(zmq.XPUB, f"ipc://{folder}/events")
        with Subscriber(f"ipc://{folder}/events") as subscriber:
            wait_for_subscription(publisher)
            for epoch, number in (("one", 7), ("one", 8), ("two", 1), ("two", 2), ("two", 4)):
                publish(publisher, replace(EVENT, epoch=epoch, number=number))
            for _ in range(5):
                assert subscriber.receive(60.0) is not None
            assert subscriber.missed == 1


def test_only_the_topics_that_were_asked_for(folder: Path) -> None:
    with open_bus() as bus:
        publisher = bus.bind(zmq.XPUB, f"ipc://{folder}/pictures")
        with Subscriber(f"ipc://{folder}/pictures", ["frame/door"]) as subscriber:
            wait_for_subscription(publisher)
            publish(publisher, replace(FRAME, camera="door2"), b"other")
            publish(publisher, FRAME, b"this")
            received = subscriber.receive(60.0)
            assert received == (FRAME, b"this")


def test_a_message_that_lies_about_its_camera_is_malformed(folder: Path) -> None:
    with open_bus() as bus:
        publisher = bus.bind(zmq.XPUB, f"ipc://{folder}/events")
        with Subscriber(f"ipc://{folder}/events") as subscriber:
            wait_for_subscription(publisher)
            publisher.send_multipart([b"identity/hall", *encode(EVENT)])
            publisher.send_multipart([b"identity/door", b"noise"])
            publish(publisher, EVENT)
            assert subscriber.receive(60.0) == (EVENT, b"")
            assert subscriber.malformed == 2


def test_skipped_messages_do_not_prolong_the_time_out(folder: Path) -> None:
    enough = threading.Event()

    def flood() -> None:
        """Publish for another camera without a pause, for a minute at most."""
        with open_bus() as bus:
            publisher = bus.bind(zmq.XPUB, f"ipc://{folder}/pictures")
            until = time.monotonic() + 60
            while not enough.is_set() and time.monotonic() < until:
                publish(publisher, replace(FRAME, camera="door2"), b"other")

    flooding = threading.Thread(target=flood)
    with Subscriber(f"ipc://{folder}/pictures", ["frame/door"]) as subscriber:
        flooding.start()
        assert subscriber.socket.poll(60_000)
        assert subscriber.receive(0.3) is None
        assert flooding.is_alive()
        enough.set()
        flooding.join()
