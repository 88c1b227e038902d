"""What Home Assistant is told of devices, by the keys that its documentation has for each platform.

https://www.home-assistant.io/integrations/mqtt/ and the pages of its platforms, 2025.10.
"""

from typing import Any

import jsonschema
import pytest

from streamer.mqtt.discovery import camera_device, host_device, person_components, without
from tests.streamer.mqtt.heard import TOPICS

TEXT = {"type": "string", "minLength": 1}
TOPIC = {"type": "string", "pattern": "^[^+#]+$"}
COMMON = {
    "p": TEXT,
    "unique_id": {"type": "string", "pattern": "^[a-zA-Z0-9_-]+$"},
    "name": TEXT,
    "icon": {"type": "string", "pattern": "^mdi:[a-z-]+$"},
    "json_attributes_topic": TOPIC,
}


def component(platform: str, needed: list[str], **properties: Any) -> dict[str, Any]:
    entity = {"type": "string", "pattern": rf"^{platform}\.[a-z0-9_]+$"}
    return {
        "properties": {**COMMON, "default_entity_id": entity, **properties},
        "required": ["p", "unique_id", "name", "default_entity_id", *needed],
        "additionalProperties": False,
    }


PLATFORMS = {
    "sensor": component(
        "sensor",
        ["state_topic"],
        state_topic=TOPIC,
        device_class={"const": "timestamp"},
        state_class={"const": "measurement"},
    ),
    "binary_sensor": component(
        "binary_sensor",
        ["state_topic"],
        state_topic=TOPIC,
        device_class={"const": "occupancy"},
    ),
    "event": component(
        "event",
        ["state_topic", "event_types"],
        state_topic=TOPIC,
        event_types={"type": "array", "items": TEXT, "minItems": 1},
    ),
    "image": component(
        "image", ["image_topic"], image_topic=TOPIC, content_type={"const": "image/jpeg"}
    ),
    "switch": component(
        "switch", ["command_topic", "state_topic"], command_topic=TOPIC, state_topic=TOPIC
    ),
}
DEVICE = {
    "type": "object",
    "properties": {
        "dev": {
            "type": "object",
            "properties": {"ids": TEXT, "name": TEXT, "mf": TEXT, "sw": TEXT, "via_device": TEXT},
            "required": ["ids", "name"],
            "additionalProperties": False,
        },
        "o": {
            "type": "object",
            "properties": {"name": TEXT, "sw": TEXT},
            "required": ["name"],
            "additionalProperties": False,
        },
        "availability": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {"topic": TOPIC},
                "required": ["topic"],
                "additionalProperties": False,
            },
        },
        "availability_mode": {"enum": ["all", "any", "latest"]},
        "qos": {"enum": [0, 1, 2]},
        "cmps": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": "^[a-zA-Z0-9_-]+$"},
            "additionalProperties": {
                "type": "object",
                "required": ["p"],
                "properties": {"p": {"enum": list(PLATFORMS)}},
            },
        },
    },
    "required": ["dev", "o", "cmps"],
    "additionalProperties": False,
}


def check(device: Any) -> None:
    jsonschema.validate(device, DEVICE)
    for part in device["cmps"].values():
        if len(part) > 1:  # otherwise it is to be removed
            jsonschema.validate(part, PLATFORMS[part["p"]])
    ids = [part["unique_id"] for part in device["cmps"].values() if len(part) > 1]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("people", [{}, {"alice": "Alice", "zoe-0123456789ab": "Zoë"}])
def test_the_host_has_everybody(people: dict[str, str]) -> None:
    device = host_device(TOPICS, people)
    check(device)
    assert device["dev"]["ids"] == "facestream_host"
    assert device["availability"] == [{"topic": "facestream/available"}]
    assert len(device["cmps"]) == 1 + 3 * len(people)
    for slug, name in people.items():
        assert device["cmps"][slug]["name"] == name
        assert device["cmps"][slug]["state_topic"] == f"facestream/person/{slug}/present"
        where = device["cmps"][f"{slug}_where"]
        assert where["default_entity_id"].startswith("sensor.facestream_")
        platforms = {key: device["cmps"][key]["p"] for key in person_components(slug)}
        assert platforms == person_components(slug)


@pytest.mark.parametrize("camera", ["door", "Hall-2", "host"])
def test_a_camera_is_a_device_behind_the_host(camera: str) -> None:
    device = camera_device(TOPICS, camera, faces=True, pauses=True)
    check(device)
    assert device["dev"]["via_device"] == "facestream_host"
    assert device["dev"]["ids"] != "facestream_host"
    assert [each["topic"] for each in device["availability"]] == [
        "facestream/available",
        f"facestream/camera/{camera}/available",
    ]
    assert {part["p"] for part in device["cmps"].values()} == {
        "sensor",
        "event",
        "image",
        "switch",
    }


def test_what_is_off_is_not_there() -> None:
    device = camera_device(TOPICS, "door", faces=False, pauses=False)
    check(device)
    assert set(device["cmps"]) == {"door_person", "door_event"}


def test_what_goes_is_named_once_with_its_platform_alone() -> None:
    device = host_device(TOPICS, {"alice": "Alice"})
    parting = without(device, person_components("bob").items())
    check(parting)
    assert parting["cmps"]["bob_seen"] == {"p": "sensor"}
    assert parting["cmps"]["bob"] == {"p": "binary_sensor"}
    assert "bob" not in device["cmps"]
