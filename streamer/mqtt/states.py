"""What every retained topic holds, and the payloads of events: pure functions of the book."""

import json
from collections.abc import Iterable

from streamer.mqtt.book import Book, CameraBook, Happening, PersonBook
from streamer.mqtt.naming import Topics

NOBODY = "nobody"
AWAY = "away"
MAX_STATE = 255
"""Characters that Home Assistant takes as a state."""
MAX_LISTED = 50


def online(is_online: bool) -> bytes:
    """Return an availability as Home Assistant has it."""
    return b"online" if is_online else b"offline"


def as_json(content: object) -> bytes:
    """Encode as JSON in UTF-8."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def camera_states(topics: Topics, camera: str, book: CameraBook) -> dict[str, bytes]:
    """Return what a camera's topics hold, but for its picture."""
    seen = list({each.who: each for each in book.tracks.values()}.values())
    seen.sort(key=lambda each: not each.enrolled)
    attributes = {
        "count": len(seen),
        "strangers": sum(not each.enrolled for each in seen),
        "people": [
            {"who": each.who, "probability": each.probability, "since": each.since_utc}
            for each in seen[:MAX_LISTED]
        ],
        "face_of": book.face_of,
    }
    return {
        topics.camera(camera, "available"): online(book.online),
        topics.camera(camera, "person"): _listed([each.who for each in seen]).encode(),
        topics.camera(camera, "attributes"): as_json(attributes),
        topics.camera(camera, "pause"): b"ON" if book.paused else b"OFF",
    }


def person_states(topics: Topics, slug: str, name: str, book: PersonBook) -> dict[str, bytes]:
    """Return what a person's topics hold; a last sight only once there was one."""
    attributes = {
        "name": name,
        "camera": book.camera or None,
        "since": book.since_utc or None,
        "probability": book.probability if book.present else None,
    }
    states = {
        topics.person(slug, "present"): b"ON" if book.present else b"OFF",
        topics.person(slug, "camera"): (book.camera or AWAY).encode(),
        topics.person(slug, "attributes"): as_json(attributes),
    }
    if book.last_seen_utc:
        states[topics.person(slug, "last_seen")] = book.last_seen_utc.encode()
    return states


def people_state(book: Book) -> bytes:
    """Return how many enrolled people are there."""
    return str(sum(person.present for person in book.people.values())).encode()


def event_payload(happening: Happening) -> bytes:
    """Return an event as Home Assistant has it: `event_type`, and attributes."""
    seen = happening.seen
    return as_json(
        {
            "event_type": happening.kind,
            "name": seen.who if seen.enrolled else None,
            "stranger": None if seen.enrolled else seen.who,
            "camera": happening.camera,
            "probability": seen.probability,
            "time": happening.time_utc,
            "visit": seen.visit,
            "track": seen.track,
        }
    )


def _listed(names: Iterable[str]) -> str:
    """Return names with commas between, and how many more there are where they are too many."""
    left = list(names)
    text = ", ".join(left) or NOBODY
    shown = len(left)
    while len(text) > MAX_STATE:
        shown -= 1
        text = f"{', '.join(left[:shown])} and {len(left) - shown} more"
    return text
