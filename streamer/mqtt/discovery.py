"""What Home Assistant is told of devices: discovery by device, as it has it since 2024.11.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
"""

from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from streamer.mqtt.naming import Topics

Payload = dict[str, Any]

PERSON_TOPICS = ("present", "attributes", "camera", "last_seen")
CAMERA_TOPICS = ("available", "person", "attributes", "face", "pause")
EVENT_TYPES = ("enter", "exit", "stranger")
PEOPLE_KEY = "facestream-people"
"""Neither a plain slug, for its hyphen, nor one with a hash."""


def host_device(topics: Topics, people: Mapping[str, str]) -> Payload:
    """Describe the host with everybody who is enrolled. people: slug to name."""
    components: Payload = {
        PEOPLE_KEY: {
            "p": "sensor",
            "unique_id": f"{topics.node}_people",
            "default_entity_id": _entity("sensor", topics.node, "people"),
            "name": "People",
            "state_topic": topics.people,
            "state_class": "measurement",
            "icon": "mdi:account-group",
        }
    }
    for slug, name in people.items():
        components |= _person(topics, slug, name)
    return {
        "dev": {"ids": topics.host, "name": topics.prefix, **_maker()},
        "o": _origin(),
        "availability": [{"topic": topics.available}],
        "availability_mode": "all",
        "qos": 1,
        "cmps": components,
    }


def _person(topics: Topics, slug: str, name: str) -> Payload:
    unique = f"{topics.node}_person_{slug}"
    return {
        slug: {
            "p": "binary_sensor",
            "unique_id": unique,
            "default_entity_id": _entity("binary_sensor", topics.node, slug),
            "name": name,
            "device_class": "occupancy",
            "state_topic": topics.person(slug, "present"),
            "json_attributes_topic": topics.person(slug, "attributes"),
        },
        f"{slug}_where": {
            "p": "sensor",
            "unique_id": f"{unique}_where",
            "default_entity_id": _entity("sensor", topics.node, f"{slug}_where"),
            "name": f"{name} where",
            "state_topic": topics.person(slug, "camera"),
            "icon": "mdi:map-marker-account",
        },
        f"{slug}_seen": {
            "p": "sensor",
            "unique_id": f"{unique}_seen",
            "default_entity_id": _entity("sensor", topics.node, f"{slug}_seen"),
            "name": f"{name} last seen",
            "device_class": "timestamp",
            "state_topic": topics.person(slug, "last_seen"),
        },
    }


def person_components(slug: str) -> dict[str, str]:
    """Return the keys of a person's entities, each with its platform."""
    return {slug: "binary_sensor", f"{slug}_where": "sensor", f"{slug}_seen": "sensor"}


def camera_device(topics: Topics, camera: str, *, faces: bool, pauses: bool) -> Payload:
    """Describe a camera. faces: its last face is published; pauses: it takes commands."""
    unique = f"{topics.node}_{camera}"

    def component(platform: str, what: str, name: str, **more: object) -> Payload:
        return {
            "p": platform,
            "unique_id": f"{unique}_{what}",
            "default_entity_id": _entity(platform, topics.node, f"{camera}_{what}"),
            "name": name,
            **more,
        }

    components = {
        f"{camera}_person": component(
            "sensor",
            "person",
            "Person",
            state_topic=topics.camera(camera, "person"),
            json_attributes_topic=topics.camera(camera, "attributes"),
            icon="mdi:face-recognition",
        ),
        f"{camera}_event": component(
            "event",
            "event",
            "Event",
            state_topic=topics.camera(camera, "event"),
            event_types=list(EVENT_TYPES),
            icon="mdi:walk",
        ),
    }
    if faces:
        components[f"{camera}_face"] = component(
            "image",
            "face",
            "Face",
            image_topic=topics.camera(camera, "face"),
            content_type="image/jpeg",
        )
    if pauses:
        components[f"{camera}_pause"] = component(
            "switch",
            "pause",
            "Pause",
            state_topic=topics.camera(camera, "pause"),
            command_topic=topics.camera(camera, "pause/set"),
            icon="mdi:pause",
        )
    return {
        "dev": {
            "ids": topics.device(camera),
            "name": camera,
            "via_device": topics.host,
            **_maker(),
        },
        "o": _origin(),
        "availability": [
            {"topic": topics.available},
            {"topic": topics.camera(camera, "available")},
        ],
        "availability_mode": "all",
        "qos": 1,
        "cmps": components,
    }


def without(device: Payload, gone: Iterable[tuple[str, str]]) -> Payload:
    """Describe a device so that Home Assistant removes entities: (key, platform) of each.

    It is sent once; then the device is described without them.
    """
    return {**device, "cmps": {**device["cmps"], **{key: {"p": p} for key, p in gone}}}


def _entity(platform: str, node: str, what: str) -> str:
    return f"{platform}.{node}_{what}".lower().replace("-", "_")


def _maker() -> Payload:
    return {"mf": "facestream", "sw": _version()}


def _origin() -> Payload:
    return {"name": "facestream", "sw": _version()}


def _version() -> str:
    try:
        return version("facestream")
    except PackageNotFoundError:  # run from a folder that was never installed
        return "0"
