"""What comes from the broker, whoever sent it: of it only what is expected, and no more."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass

from streamer.mqtt.naming import Topics

MAX_WORD = 16
MAX_TOPIC = 512
MAX_COMPONENTS = 2000
_KEY = re.compile(r"[A-Za-z0-9_-]{1,140}")
_WHAT = re.compile(r"[a-z_]{1,32}")
_PLATFORMS = frozenset(("sensor", "binary_sensor", "event", "image", "switch"))


@dataclass(frozen=True)
class Began:
    """Home Assistant has begun, and knows nothing."""


@dataclass(frozen=True)
class PauseAsked:
    """A camera is to be paused, or to go on."""

    camera: str
    paused: bool


@dataclass(frozen=True)
class Held:
    """The broker holds something at a topic of ours. group: `person` or `camera`; of whom."""

    topic: str
    group: str
    of: str
    what: str


@dataclass(frozen=True)
class Described:
    """The broker holds a device's description: the keys of its entities, with their platforms."""

    device: str
    components: tuple[tuple[str, str], ...]


Received = Began | PauseAsked | Held | Described


class Reading:
    """Makes something of a message, or nothing. cameras: those that may be paused and described."""

    def __init__(self, topics: Topics, cameras: Collection[str]) -> None:
        self._topics = topics
        self._pauses = {topics.camera(camera, "pause/set"): camera for camera in cameras}
        devices = [topics.host, *(topics.device(camera) for camera in cameras)]
        self._configs = {topics.config(device): device for device in devices}

    @property
    def subscriptions(self) -> list[str]:
        """The topics to listen to for as long as there is a connection."""
        return [self._topics.status, *self._pauses]

    @property
    def sweep(self) -> list[str]:
        """The topics at which the broker may hold what an earlier run has left."""
        held = [self._topics.person("+", "+"), self._topics.camera("+", "+")]
        return [*held, *self._configs]

    def read(self, topic: str, payload: bytes, retained: bool) -> Received | None:
        """Return what a message means; None for what is nothing.

        Commands count only while they are given: one that the broker keeps would be given again
        at each connection.
        """
        if len(topic) > MAX_TOPIC:
            return None
        if not retained:
            return self._command(topic, payload)
        if topic in self._configs:
            return _described(self._configs[topic], payload)
        return self._held(topic) if payload else None

    def _command(self, topic: str, payload: bytes) -> Received | None:
        if len(payload) > MAX_WORD:
            return None
        if topic == self._topics.status:
            return Began() if payload == b"online" else None
        camera = self._pauses.get(topic)
        if camera is None or payload not in (b"ON", b"OFF"):
            return None
        return PauseAsked(camera, payload == b"ON")

    def _held(self, topic: str) -> Held | None:
        prefix = f"{self._topics.prefix}/"
        steps = topic.removeprefix(prefix).split("/") if topic.startswith(prefix) else []
        if len(steps) != 3 or steps[0] not in ("person", "camera"):
            return None
        group, of, what = steps
        if not _KEY.fullmatch(of) or not _WHAT.fullmatch(what):
            return None
        return Held(topic, group, of, what)


def _described(device: str, payload: bytes) -> Described | None:
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    components = content.get("cmps") if isinstance(content, dict) else None
    if not isinstance(components, dict):
        return None
    found = []
    for key, component in list(components.items())[:MAX_COMPONENTS]:
        platform = component.get("p") if isinstance(component, dict) else None
        if isinstance(platform, str) and platform in _PLATFORMS and _KEY.fullmatch(key):
            found.append((key, platform))
    return Described(device, tuple(found))
