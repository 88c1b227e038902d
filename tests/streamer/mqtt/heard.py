"""Real messages of a pipeline, and a broker that is a dict: what it would hold and have heard."""

import itertools
import json
from typing import Any

from streamer.config.sections import MqttConfig
from streamer.mqtt.naming import Topics
from streamer.mqtt.outbox import Outbox
from streamer.mqtt.telling import Teller
from streamer.wire.messages import (
    CameraState,
    GalleryEvent,
    IdentityEvent,
    PresenceEvent,
    PresentTrack,
    Stats,
)

TOPICS = Topics("facestream", "homeassistant")
ALICE, ZOE = "Alice", "Zoë"
_NUMBERS = itertools.count(1)


def event(kind: Any, who: str, track: str = "c-1", camera: str = "door", **more: Any) -> Any:
    """An identity event; `who` is a stranger's id where it begins so."""
    number = next(_NUMBERS)
    stranger = who.startswith("unknown-")
    fields = {
        "event": kind,
        "id": f"i-{number}",
        "camera": camera,
        "track": track,
        "identity": None if stranger else who,
        "stranger": who if stranger else None,
        "probability": 0.97,
        "squared_distance": 0.3,
        "box_xywh": (10, 20, 80, 80),
        "captured_utc": f"2026-01-02T10:00:{number % 60:02d}.000Z",
        "media_ms": 1.0,
        "age_ms": 1.0,
        "sequence": number,
        "epoch": "i",
        "number": number,
        "weights": "w",
        "gallery": "g",
        "visit": f"v-{track}",
    }
    return IdentityEvent(**{**fields, **more})


def presence(*present: tuple[str, str], camera: str = "door", epoch: str = "i") -> PresenceEvent:
    """A snapshot of (who, track)."""
    return PresenceEvent(
        camera,
        epoch,
        tuple(
            PresentTrack(
                track=track,
                identity=None if who.startswith("unknown-") else who,
                stranger=who if who.startswith("unknown-") else None,
                probability=0.9,
                box_xywh=(0, 0, 9, 9),
                entered_utc="2026-01-02T10:00:00.000Z",
                visit=f"v-{track}",
            )
            for who, track in present
        ),
    )


def gallery(*names: str, version: str = "000001", **more: Any) -> GalleryEvent:
    return GalleryEvent(
        version=version, fingerprint=f"f{version}", weights="w",
        people=more.pop("people", len(names)), names=names, **more,
    )  # fmt: skip


def camera_stats(state: Any, camera: str = "door", final: bool = False) -> Stats:
    return Stats(
        role="capture", name=camera, epoch="c", sent_utc="t", stages=(), rates={}, cpu_s=0.0,
        camera_state=CameraState(state), final=final,
    )  # fmt: skip


class Desk:
    """A teller with its outbox; `drain` has the broker take all that waits."""

    def __init__(self, cameras: tuple[str, ...] = ("door",), **config: Any) -> None:
        self.outbox = Outbox()
        self.watched: set[str] = set()
        settings = MqttConfig(broker="localhost", absence_s=30.0, **config)
        self.teller = Teller(settings, TOPICS, cameras, self.outbox, self._watch, pauses=True)
        self.held: dict[str, bytes] = {}
        self.heard: list[tuple[str, bytes]] = []
        self.sent: list[str] = []
        self._number = 0

    def hear(self, *messages: object, at_s: float = 0.0) -> "Desk":
        for message in messages:
            self.teller.hear(message, at_s)
        self.teller.turn(at_s)
        return self.drain(at_s)

    def drain(self, at_s: float = 0.0) -> "Desk":
        while (message := self.outbox.next(at_s)) is not None:
            self._number += 1
            self.outbox.sent(self._number, message)
            self.outbox.acknowledged(self._number)
            self.sent.append(message.topic)
            if not message.retain:
                self.heard.append((message.topic, message.payload))
            elif message.payload:
                self.held[message.topic] = message.payload
            else:
                self.held.pop(message.topic, None)
        assert self.outbox.snapshot().unaccounted == 0
        return self

    def text(self, topic: str) -> str:
        return self.held[f"facestream/{topic}"].decode()

    def json(self, topic: str) -> Any:
        return json.loads(self.held[topic if "/device/" in topic else f"facestream/{topic}"])

    def events(self, camera: str = "door") -> list[Any]:
        """What has happened since the last call."""
        topic = f"facestream/camera/{camera}/event"
        found = [json.loads(payload) for to, payload in self.heard if to == topic]
        self.heard = [each for each in self.heard if each[0] != topic]
        return found

    def _watch(self, camera: str, wanted: bool) -> None:
        (self.watched.add if wanted else self.watched.remove)(camera)
