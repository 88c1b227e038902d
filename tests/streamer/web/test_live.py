"""Pictures over a WebSocket, and one camera's as JPEG and MJPEG."""

import json
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from streamer.wire.codec import encode
from streamer.wire.messages import FaceInPicture, FrameEvent, PlainFrameEvent
from tests.streamer.web.serving import PATIENCE_S, Served, served, web_config

DOOR = b"plain/door/640"


def received(socket: ClientConnection) -> tuple[dict[str, Any], bytes]:
    message = socket.recv(PATIENCE_S)
    assert isinstance(message, bytes)
    size = int.from_bytes(message[:4], "big")
    return json.loads(message[4 : 4 + size]), message[4 + size :]


def say(socket: ClientConnection, **what: object) -> None:
    socket.send(json.dumps(what))


def test_a_picture_comes_with_its_faces_and_is_asked_for_while_somebody_looks(web: Served) -> None:
    faces = (
        FaceInPicture(track="e-1", box_xywh=(1, 2, 3, 4), identity="Zoë", stranger=None,
                      probability=0.9),
        FaceInPicture(track="e-2", box_xywh=(5, 6, 7, 8), identity=None, stranger="unknown-1",
                      probability=0.8),
        FaceInPicture(track="e-3", box_xywh=(9, 9, 9, 9), identity=None, stranger=None,
                      probability=None),
    )  # fmt: skip
    event = PlainFrameEvent(
        camera="door", epoch="e", sequence=1, captured_utc="2026-05-01T12:00:00.250Z", age_ms=1.0,
        width=640, frame_wh=(640, 360), faces=faces,
    )  # fmt: skip
    with web.live() as socket:
        say(socket, cameras=["door", "nowhere"], width=500, quality=75)
        web.publisher.wait_for(DOOR)
        web.publisher.pictures.send_multipart([DOOR, *encode(event, b"\xff\xd8jpeg")])
        header, jpeg = received(socket)
        assert jpeg == b"\xff\xd8jpeg"
        assert header == {
            "seq": 1, "camera": "door", "width": 640, "height": 360, "t_ms": 1777636800250.0,
            "faces": [
                {"track": "e-1", "box": [1, 2, 3, 4], "name": "Zoë", "stranger": None,
                 "state": "named", "score": 0.9},
                {"track": "e-2", "box": [5, 6, 7, 8], "name": None, "stranger": "unknown-1",
                 "state": "stranger", "score": 0.8},
                {"track": "e-3", "box": [9, 9, 9, 9], "name": None, "stranger": None,
                 "state": "undecided", "score": None},
            ],
        }  # fmt: skip
        say(socket, cameras=["hall"], width=5000)
        web.publisher.wait_for(b"plain/hall/1920")
        web.publisher.wait_for(DOOR, there=False)
    web.publisher.wait_for(b"plain/hall/1920", there=False)


def test_one_who_reads_slowly_loses_pictures_and_no_time(web: Served) -> None:
    with web.live() as slow, web.live() as quick:
        for socket in (slow, quick):
            say(socket, cameras=["door", "hall"], width=640)
        web.publisher.wait_for(DOOR)
        web.publisher.wait_for(b"plain/hall/640")
        for number in range(1, 31):
            web.publisher.show("door", number, jpeg=b"%d" % number)
            header, jpeg = received(quick)
            assert jpeg == b"%d" % number
            say(quick, ack=header["seq"])
        # The slow one has the first, and gets no other of that camera, but of others.
        header, jpeg = received(slow)
        assert jpeg == b"1"
        web.publisher.show("hall", 1, jpeg=b"hall")
        hall, jpeg = received(slow)
        assert (hall["camera"], jpeg) == ("hall", b"hall")
        web.publisher.report(
            lambda said: (
                said["web pictures"]["dropped"].get("superseded") == 28
                and said["web pictures"]["pending"] == 1
            )
        )
        say(slow, ack=12345)  # what never was on its way
        say(slow, ack=header["seq"])
        assert received(slow)[1] == b"30"
    web.publisher.report(lambda said: said["web pictures"]["pending"] == 0)


@pytest.mark.parametrize(
    "nonsense", ["", "{", "[]", '{"cameras": "door"}', '{"ack": -1}', '{"ack": "x"}', "x" * 9000]
)
def test_nonsense_ends_the_connection_alone(web: Served, nonsense: str) -> None:
    with web.live() as socket:
        socket.send(nonsense)
        with pytest.raises(ConnectionClosed):
            socket.recv(PATIENCE_S)
    assert web.http.get("/api/cameras").status_code == 200


def test_a_camera_can_be_had_as_a_jpeg_and_as_a_stream(web: Served) -> None:
    drawn = FrameEvent(
        camera="door", epoch="e", sequence=1, captured_utc="2026-05-01T12:00:00.000Z", age_ms=1.0,
        frame_wh=(640, 360),
    )  # fmt: skip

    def show() -> None:
        web.publisher.wait_for(b"frame/door")
        web.publisher.pictures.send_multipart([b"frame/door", *encode(drawn, b"drawn")])

    showing = threading.Thread(target=show)
    showing.start()
    answer = web.http.get("/camera/door.jpg")
    showing.join()
    assert (answer.status_code, answer.content) == (200, b"drawn")
    assert answer.headers["content-type"] == "image/jpeg"
    web.publisher.wait_for(b"frame/door", there=False)
    with web.http.stream("GET", "/camera/door.mjpg?plain=true&width=640") as stream:
        web.publisher.wait_for(DOOR)
        web.publisher.show("door", 1, jpeg=b"one")
        kind, boundary = stream.headers["content-type"].split("; boundary=")
        assert kind == "multipart/x-mixed-replace"
        parts = stream.iter_raw()
        first = next(parts)
        assert first.startswith(f"--{boundary}\r\nContent-Type: image/jpeg\r\n".encode())
        assert first.endswith(b"\r\n\r\none\r\n")
        web.publisher.show("door", 2, jpeg=b"two")
        assert next(parts).endswith(b"two\r\n")
    web.publisher.wait_for(DOOR, there=False)
    assert web.http.get("/camera/nowhere.jpg").status_code == 404
    (hall,) = [each for each in web.http.get("/api/cameras").json() if each["name"] == "hall"]
    assert hall["source"] == "rtsp://***@192.0.2.1/stream"


def test_who_looks_and_listens_is_let_go_at_the_end(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as stack:
        with served(web_config(folder)) as web:
            socket = stack.enter_context(web.live())
            say(socket, cameras=["door"])
            streams = []
            for path in ("/api/events", "/camera/hall.mjpg"):
                client = stack.enter_context(httpx.Client(base_url=web.url, timeout=PATIENCE_S))
                streams.append(stack.enter_context(client.stream("GET", path)))
            web.publisher.wait_for(DOOR)
            web.publisher.wait_for(b"frame/hall")
        with pytest.raises(ConnectionClosed):
            socket.recv(PATIENCE_S)
        for stream in streams:
            stream.read()  # to its end, which is a proper one
    assert caplog.messages == []
