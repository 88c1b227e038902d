"""Whatever a broker sends: what is expected is read, and all else is nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.mqtt.inbound import MAX_COMPONENTS, Began, Described, Held, PauseAsked, Reading
from tests.streamer.mqtt.heard import TOPICS

READING = Reading(TOPICS, ["door", "hall"])
PAUSE = "facestream/camera/door/pause/set"
HOST = "homeassistant/device/facestream_host/config"


def test_commands_are_for_cameras_of_the_config_and_in_two_words() -> None:
    assert READING.read(PAUSE, b"ON", False) == PauseAsked("door", True)
    assert READING.read(PAUSE, b"OFF", False) == PauseAsked("door", False)
    assert READING.read("homeassistant/status", b"online", False) == Began()


@pytest.mark.parametrize(
    ("topic", "payload", "retained"),
    [
        (PAUSE, b"ON", True),  # it would be given again at every connection
        (PAUSE, b"on", False),
        (PAUSE, b"", False),
        (PAUSE, b"ON" * 50_000, False),
        ("facestream/camera/garden/pause/set", b"ON", False),
        ("facestream/camera/door/pause", b"ON", False),
        ("homeassistant/status", b"offline", False),
        ("homeassistant/status", b"online", True),
        ("facestream/person/alice/present", b"ON", False),  # our own, coming back
        ("facestream/person/alice/present", b"", True),
        ("facestream/person/al ice/present", b"ON", True),
        ("facestream/person/alice", b"ON", True),
        ("elsewhere/person/alice/present", b"ON", True),
        ("facestream/person/" + 600 * "a" + "/present", b"ON", True),
        (HOST, b"", True),
        (HOST, b"{", True),
        (HOST, b"[1]", True),
        (HOST, b'{"cmps": [1]}', True),
        (HOST, b"[" * 100_000, True),
        (HOST, b"\xff\xfe{}", True),
    ],
)
def test_all_else_is_nothing(topic: str, payload: bytes, retained: bool) -> None:
    assert READING.read(topic, payload, retained) is None


def test_what_the_broker_holds_is_read_by_its_topic_alone() -> None:
    held = READING.read("facestream/person/alice/last_seen", b"\xff" * 100, True)
    assert held == Held("facestream/person/alice/last_seen", "person", "alice", "last_seen")
    held = READING.read("facestream/camera/gone/face", b"x", True)
    assert held == Held("facestream/camera/gone/face", "camera", "gone", "face")


def test_of_a_description_only_keys_and_platforms_are_read() -> None:
    parts = {
        "alice": {"p": "binary_sensor", "name": 3},
        "a b": {"p": "sensor"},
        "x": {"p": "lock"},
        "y": {"p": 7},
        "z": 1,
    }
    read = READING.read(HOST, json.dumps({"cmps": parts}).encode(), True)
    assert read == Described("facestream_host", (("alice", "binary_sensor"),))
    many = {f"k{number}": {"p": "sensor"} for number in range(MAX_COMPONENTS + 9)}
    read = READING.read(HOST, json.dumps({"cmps": many}).encode(), True)
    assert isinstance(read, Described)
    assert len(read.components) == MAX_COMPONENTS


@given(st.text(max_size=600), st.binary(max_size=200), st.booleans())
def test_nothing_raises(topic: str, payload: bytes, retained: bool) -> None:
    for each in (topic, f"facestream/{topic}", PAUSE, HOST):
        READING.read(each, payload, retained)
