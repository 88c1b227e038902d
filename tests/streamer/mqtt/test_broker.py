"""The connection to a broker that is real, absent, silent or hostile."""

import contextlib
import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streamer.mqtt import broker as module
from streamer.mqtt.broker import Broker, BrokerSettings
from streamer.mqtt.inbound import PauseAsked, Reading
from streamer.mqtt.outbox import Outgoing
from tests.mosquitto import PATIENCE_S, Listener, free_port, mosquitto, needs_mosquitto
from tests.streamer.mqtt.heard import TOPICS

CONNACK = b"\x20\x02\x00\x00"
READING = Reading(TOPICS, ["door"])


def wait(condition: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@contextlib.contextmanager
def connecting(port: int, **more: object) -> Iterator[Broker]:
    known = {"user": "", "password": None, "tls": None, **more}
    settings = BrokerSettings(host="127.0.0.1", port=port, client_id="facestream", **known)  # type: ignore[arg-type]
    broker = Broker(settings, TOPICS.available, READING, lambda: None)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop(politely=True)


@contextlib.contextmanager
def answering(*answers: bytes) -> Iterator[tuple[int, list[int]]]:
    """A broker that takes a connection, reads what is said first, and sends this; the last again.

    Yields its port, and a list that grows with each connection.
    """
    server = socket.create_server(("127.0.0.1", 0))
    connections: list[int] = []
    open_ones: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            open_ones.append(peer)
            peer.recv(4096)
            with contextlib.suppress(OSError):
                peer.sendall(answers[min(len(connections), len(answers) - 1)])
            connections.append(len(connections))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1], connections
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
        for peer in open_ones:
            peer.close()


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (CONNACK + b"\x30\xff\xff\xff\x7f" + b"x" * 1000, "broke off"),  # 256 MiB are announced
        (CONNACK + b"\x30\xff\xff\xff\xff\xff", "broke off"),  # a length that has no end
        (CONNACK + b"\x32\x01\x00", "broke off"),  # a message that ends in its topic's length
        (CONNACK + b"\x40\x00\x50\x01\x07", "broke off"),  # acknowledgements of nothing
        (b"\x20\x02\x00\x05", "refuses the connection"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "broker"),
    ],
)
def test_what_a_hostile_broker_sends_ends_its_connection_alone(
    answer: bytes, fault: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 1.0)
    with answering(answer) as (port, connections), connecting(port) as broker:
        wait(lambda: len(connections) >= 2)
        wait(lambda: fault in broker.fault)
    assert "Traceback" not in caplog.text


def test_topics_that_are_no_text_and_floods_are_passed_over() -> None:
    def message(topic: bytes, payload: bytes) -> bytes:
        body = len(topic).to_bytes(2, "big") + topic + payload
        assert len(body) < 128
        return b"\x30" + bytes([len(body)]) + body

    pause = b"facestream/camera/door/pause/set"
    flood = message(pause, b"ON") * 6_000 + message(b"\xff\xfe", b"x") + message(pause, b"OFF")
    with answering(CONNACK + flood) as (port, _), connecting(port) as broker:
        wait(lambda: (c := broker.connection()) and PauseAsked("door", False) in c.received)
        connection = broker.connection()
        assert connection is not None
        assert len(connection.received) <= module.MAX_RECEIVED


def test_who_does_not_answer_is_tried_again_and_told_of_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 0.2)
    monkeypatch.setattr(module, "RETRY_MAX_S", 0.5)
    with answering(b"") as (port, connections), connecting(port) as broker:
        wait(lambda: len(connections) >= 3)
        assert "says nothing" in broker.fault
        assert broker.connection() is None
    assert caplog.text.count("says nothing") == 1
    with connecting(free_port()) as broker:
        wait(lambda: "does not answer" in broker.fault)


@needs_mosquitto
# paho leaves a socket whose handshake has failed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_with_password_and_tls_messages_arrive_and_the_will_does(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    passwords = folder / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-c", "-b", passwords, "ann", "pass word"],
        check=True, capture_output=True,
    )  # fmt: skip
    for path in (key, passwords):
        path.chmod(0o644)
    folder.chmod(0o755)
    options = (
        f"certfile {certificate}\nkeyfile {key}\nallow_anonymous false\npassword_file {passwords}"
    )
    tls = ssl.create_default_context(cafile=certificate)
    login = {"user": "ann", "password": "pass word", "tls": tls}
    with mosquitto(folder, options) as real:
        listener = Listener(real.port, **login)
        try:
            with connecting(real.port, **login) as broker:
                wait(broker.connection)
                connection = broker.connection()
                assert connection is not None
                message = Outgoing("facestream/available", b"online", True)
                number = broker.publish(connection, message)
                wait(lambda: number in connection.acknowledged)
                listener.wait(lambda: listener.held.get("facestream/available") == b"online")
                listener.say("facestream/camera/door/pause/set", b"ON")
                wait(lambda: PauseAsked("door", True) in connection.received)
                taken = connection.client.socket()
                assert isinstance(taken, socket.socket)
                taken.shutdown(socket.SHUT_RDWR)  # the connection breaks
                listener.wait(lambda: listener.held.get("facestream/available") == b"offline")
                wait(lambda: broker.connection() not in (None, connection))
            with connecting(real.port, **{**login, "password": "wrong one"}) as broker:
                wait(lambda: "refuses" in broker.fault)
                assert "wrong" not in broker.fault
            with connecting(real.port, **{**login, "tls": ssl.create_default_context()}) as broker:
                wait(lambda: "CERTIFICATE_VERIFY_FAILED" in broker.fault)
        finally:
            listener.close()
    assert "pass word" not in caplog.text
    assert "pass word" not in repr(BrokerSettings(host="h", port=1, client_id="c", **login))  # type: ignore[arg-type]
