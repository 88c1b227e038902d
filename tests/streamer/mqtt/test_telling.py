"""From real messages of a pipeline to what a broker holds of it."""

import json
from typing import Any

import pytest

from streamer.mqtt.inbound import Described, Held
from streamer.mqtt.naming import slug
from streamer.mqtt.telling import MAX_PEOPLE, SILENT_S
from streamer.wire.messages import CorrectionEvent
from tests.streamer.mqtt.heard import (
    ALICE,
    TOPICS,
    ZOE,
    Desk,
    camera_stats,
    event,
    gallery,
    presence,
)

HOST = TOPICS.config(TOPICS.host)


def test_before_anything_is_heard_devices_are_there_and_not_available() -> None:
    desk = Desk(("door", "hall")).drain()
    assert desk.sent[:2] == [TOPICS.config(TOPICS.device(name)) for name in ("door", "hall")]
    assert HOST not in desk.held
    desk.teller.turn(0.0)
    desk.drain()
    assert desk.text("available") == desk.text("camera/door/available") == "offline"
    assert desk.text("camera/hall/person") == "nobody"


def test_somebody_comes_and_goes_and_is_gone_after_an_absence() -> None:
    desk = Desk().hear(gallery(ALICE, ZOE), camera_stats("running"))
    zoe = slug(ZOE)
    assert desk.text("available") == desk.text("camera/door/available") == "online"
    assert (desk.text("person/alice/present"), desk.text("person/alice/camera")) == ("OFF", "away")
    assert "facestream/person/alice/last_seen" not in desk.held
    assert set(desk.json(HOST)["cmps"]) >= {"alice", "alice_where", zoe, f"{zoe}_seen"}

    desk.hear(event("enter", ALICE, captured_utc="2026-01-02T10:00:01.000Z"))
    assert (desk.text("person/alice/present"), desk.text("person/alice/camera")) == ("ON", "door")
    assert desk.text("person/alice/last_seen") == "2026-01-02T10:00:01.000Z"
    assert desk.json("person/alice/attributes") == {
        "name": ALICE, "camera": "door", "since": "2026-01-02T10:00:01.000Z", "probability": 0.97,
    }  # fmt: skip
    assert desk.text("people") == "1"
    assert desk.text("camera/door/person") == ALICE
    desk.hear(event("enter", ZOE, "c-2"), event("enter", "unknown-17", "c-3"))
    assert desk.text("camera/door/person") == "Alice, Zoë, unknown-17"
    assert desk.json("camera/door/attributes")["strangers"] == 1
    assert [each["event_type"] for each in desk.events()] == ["enter", "enter", "stranger"]
    assert not any(topic.endswith("/event") for topic in desk.held), "events are never retained"

    desk.hear(event("exit", ALICE), at_s=100.0)
    (happened,) = desk.events()
    assert (happened["event_type"], happened["name"], happened["stranger"]) == ("exit", ALICE, None)
    assert desk.text("camera/door/person") == "Zoë, unknown-17"
    desk.hear(presence((ZOE, "c-2")), at_s=129.0)
    assert desk.events()[0]["stranger"] == "unknown-17"
    assert desk.text("person/alice/present") == "ON", "for 30 s"
    desk.hear(presence((ZOE, "c-2")), at_s=130.5)
    assert (desk.text("person/alice/present"), desk.text("person/alice/camera")) == ("OFF", "away")
    assert desk.text(f"person/{zoe}/present") == "ON"
    assert desk.text("people") == "1"


def test_a_visit_of_several_tracks_is_told_of_once() -> None:
    desk = Desk().hear(gallery(ALICE), event("enter", ALICE, "c-1", visit="v"))
    desk.hear(event("enter", ALICE, "c-2", visit="v", joined="c-1"), event("update", ALICE, "c-2"))
    desk.hear(event("exit", ALICE, "c-1", visit="v"), presence((ALICE, "c-2")))
    assert [each["event_type"] for each in desk.events()][:1] == ["enter"]
    assert desk.text("camera/door/person") == ALICE


def test_a_stranger_who_gets_a_name_leaves_as_one_and_enters_as_the_other() -> None:
    desk = Desk().hear(gallery(ALICE), event("enter", "unknown-1"), event("update", ALICE))
    told = [(each["event_type"], each["name"] or each["stranger"]) for each in desk.events()]
    assert told == [("stranger", "unknown-1"), ("exit", "unknown-1"), ("enter", ALICE)]


def test_what_was_lost_on_the_way_is_made_good_by_the_next_snapshot() -> None:
    desk = Desk().hear(gallery(ALICE, ZOE), event("enter", ALICE))
    desk.hear(presence((ZOE, "c-2"), epoch="another run"))
    assert desk.text("camera/door/person") == ZOE
    assert [each["event_type"] for each in desk.events()] == ["enter", "exit", "enter"]
    assert desk.text("person/alice/present") == "ON"


def test_she_is_where_she_was_seen_last() -> None:
    desk = Desk(("door", "hall")).hear(gallery(ALICE))
    desk.hear(event("enter", ALICE, "c-1", captured_utc="2026-01-02T10:00:01.000Z"))
    desk.hear(event("enter", ALICE, "h-1", "hall", captured_utc="2026-01-02T10:00:05.000Z"))
    assert desk.text("person/alice/camera") == "hall"
    desk.hear(event("update", ALICE, "c-1", captured_utc="2026-01-02T10:00:06.000Z"))
    assert desk.text("person/alice/camera") == "hall", "the door sees her still, from before"
    desk.hear(event("exit", ALICE, "h-1", "hall"), event("update", ALICE, "c-1"))
    assert desk.text("person/alice/camera") == "door"


def test_last_sight_is_told_now_and_then_and_not_with_each_look() -> None:
    desk = Desk().hear(gallery(ALICE), event("enter", ALICE))
    before = len(desk.sent)
    for tenth in range(1, 50):
        desk.hear(event("update", ALICE), at_s=tenth / 10)
    assert len(desk.sent) == before
    desk.hear(event("update", ALICE, captured_utc="2026-01-02T11:00:00.000Z"), at_s=11.0)
    assert desk.text("person/alice/last_seen") == "2026-01-02T11:00:00.000Z"


@pytest.mark.parametrize(
    ("state", "available", "pause"),
    [
        ("opening", "offline", "OFF"),
        ("running", "online", "OFF"),
        ("paused", "online", "ON"),
        ("retrying", "offline", "OFF"),
        ("stalled", "offline", "OFF"),
    ],
)
def test_a_camera_is_as_its_process_says(state: str, available: str, pause: str) -> None:
    desk = Desk().hear(camera_stats(state), camera_stats("running", "elsewhere"))
    assert desk.text("camera/door/available") == available
    assert desk.text("camera/door/pause") == pause
    assert not any("elsewhere" in topic for topic in desk.held)
    desk.hear(camera_stats(state, final=True))
    assert desk.text("camera/door/available") == "offline"


def test_who_is_silent_is_not_available_and_sees_nobody() -> None:
    desk = Desk(("door", "hall")).hear(gallery(ALICE), camera_stats("running"))
    desk.hear(camera_stats("running", "hall"), event("enter", ALICE))
    desk.hear(camera_stats("running", "hall"), at_s=SILENT_S + 1)
    assert desk.text("camera/door/available") == "offline"
    assert desk.text("camera/hall/available") == desk.text("available") == "online"
    desk.teller.turn(3 * SILENT_S)
    desk.drain()
    assert desk.text("available") == desk.text("camera/hall/available") == "offline"
    assert desk.text("camera/door/person") == "nobody"
    desk.hear(camera_stats("running"), presence((ALICE, "c-1")), at_s=3 * SILENT_S + 1)
    assert desk.text("available") == "online"
    assert desk.text("camera/door/person") == ALICE


def holding(desk: Desk, name: str) -> list[str]:
    """Topics that hold a name, a slug of it, or a picture."""
    words = {name.encode(), slug(name).encode()}
    return [
        topic
        for topic, payload in desk.held.items()
        if any(word in topic.encode() or word in payload for word in words) or payload == b"jpeg"
    ]


def show_face(desk: Desk, who: str) -> None:
    desk.outbox.state("facestream/camera/door/face", b"jpeg")
    desk.teller._book.set_face("door", who)
    desk.teller.turn(0.0)
    desk.drain()


@pytest.mark.parametrize("name", [ALICE, ZOE])
def test_of_who_is_forgotten_no_topic_holds_anything(name: str) -> None:
    desk = Desk().hear(gallery(name, "Bob"), event("enter", name), event("enter", "Bob", "c-2"))
    show_face(desk, name)
    assert len(holding(desk, name)) >= 7
    desk.heard.clear()
    desk.teller.hear(event("exit", name), 0.0)  # an event that still waits
    desk.hear(gallery("Bob", version="000002"), event("update", name), event("exit", name))
    assert holding(desk, name) == []
    assert desk.text("camera/door/person") == "Bob"
    assert desk.events() == [], "nor is anything said of her"
    (parting,) = [json.loads(payload) for topic, payload in desk.heard if topic == HOST]
    own = slug(name)
    assert {key: part for key, part in parting["cmps"].items() if key.startswith(own)} == {
        own: {"p": "binary_sensor"},
        f"{own}_where": {"p": "sensor"},
        f"{own}_seen": {"p": "sensor"},
    }
    assert "bob_where" in desk.json(HOST)["cmps"]
    desk.teller.tell_all_again()
    desk.drain()
    assert holding(desk, name) == []


def test_who_is_renamed_has_new_entities_and_the_old_ones_go() -> None:
    desk = Desk().hear(gallery(ALICE), event("enter", ALICE))
    desk.hear(gallery("Alicia", version="000002"), presence(("Alicia", "c-1")))
    assert "facestream/person/alice/present" not in desk.held
    assert desk.text("person/alicia/present") == "ON"
    assert desk.text("camera/door/person") == "Alicia"


def test_a_face_goes_when_a_user_says_that_it_was_somebody_else() -> None:
    def correction(kind: Any, before: str, identity: str | None) -> CorrectionEvent:
        return CorrectionEvent(
            correction=kind, id=1, before=before, identity=identity, track=None, made_utc="t"
        )

    desk = Desk().hear(gallery(ALICE, "Bob"))
    show_face(desk, "unknown-1")
    desk.hear(correction("name", "unknown-1", "Bob"))
    assert desk.json("camera/door/attributes")["face_of"] == "Bob"
    desk.hear(correction("not", ALICE, None))
    assert desk.held["facestream/camera/door/face"] == b"jpeg"
    desk.hear(correction("not", "Bob", None))
    assert "facestream/camera/door/face" not in desk.held


def test_a_strangers_face_goes_with_whoever_is_forgotten_for_it_may_be_hers() -> None:
    desk = Desk().hear(gallery(ALICE, "Bob"))
    show_face(desk, "unknown-1")
    desk.hear(gallery("Bob", version="2"))
    assert "facestream/camera/door/face" not in desk.held


def test_a_large_gallery_comes_in_parts_and_nobody_goes_until_all_have_come() -> None:
    desk = Desk()
    desk.hear(gallery("Ann", people=2, part=0, parts=2))
    assert HOST not in desk.held
    desk.hear(event("enter", "Ann"))
    assert desk.text("camera/door/person") == "nobody", "who is enrolled is not known yet"
    desk.hear(gallery("Bob", people=2, part=1, parts=2), presence(("Ann", "c-1")))
    assert {"ann", "bob"} <= set(desk.json(HOST)["cmps"])
    assert desk.text("camera/door/person") == "Ann"
    desk.hear(gallery("Bob", people=2, part=1, parts=2, version="000002"))
    assert {"ann", "bob"} <= set(desk.json(HOST)["cmps"])
    desk.hear(gallery("Cid", people=2, part=0, parts=2, version="000002"))
    assert "ann" not in desk.json(HOST)["cmps"]


def test_more_people_than_entities() -> None:
    names = [f"P{number:04d}" for number in range(MAX_PEOPLE + 5)]
    desk = Desk()
    for part in (0, 1):
        names_of = names[500 * part : 500 * (part + 1)]
        desk.hear(gallery(*names_of, people=len(names), part=part, parts=2))
    desk.hear(event("enter", names[-1]))
    assert len(desk.json(HOST)["cmps"]) == 1 + 3 * MAX_PEOPLE
    assert desk.text("camera/door/person") == names[-1]


def test_a_crowd_fits_into_a_state() -> None:
    names = [f"Person Number {number}" for number in range(40)]
    desk = Desk().hear(gallery(*names), presence(*((name, f"c-{name}") for name in names)))
    text = desk.text("camera/door/person")
    assert len(text) <= 255
    assert text.endswith(" more")
    assert desk.json("camera/door/attributes")["count"] == 40


def test_what_an_earlier_run_has_left_is_cleared_once_it_is_known_who_is_enrolled() -> None:
    desk = Desk()
    left = {
        "facestream/person/carol/present": ("person", "carol", "present"),
        "facestream/person/alice/odd": ("person", "alice", "odd"),
        "facestream/camera/gone/person": ("camera", "gone", "person"),
        "facestream/camera/door/face": ("camera", "door", "face"),
    }
    kept = {"facestream/person/alice/last_seen": ("person", "alice", "last_seen")}
    desk.held = dict.fromkeys([*left, *kept, "homeassistant/device/facestream_gone/config"], b"x")
    for topic, (group, of, what) in {**left, **kept}.items():
        desk.teller.sweep(Held(topic, group, of, what))
    desk.teller.compare(
        Described(TOPICS.host, (("carol", "binary_sensor"), ("alice", "binary_sensor")))
    )
    desk.drain()
    assert "facestream/person/carol/present" in desk.held
    desk.hear(gallery(ALICE))
    assert not set(left) & set(desk.held)
    assert "homeassistant/device/facestream_gone/config" not in desk.held
    assert set(kept) <= set(desk.held)
    (parting,) = [json.loads(payload) for topic, payload in desk.heard if topic == HOST]
    assert parting["cmps"]["carol"] == {"p": "binary_sensor"}
    assert "carol" not in desk.json(HOST)["cmps"]


def test_a_broker_that_tells_of_endless_topics_fills_no_memory() -> None:
    desk = Desk().hear(gallery(ALICE))
    for number in range(30_000):
        desk.teller.sweep(Held(f"facestream/person/p{number}/x", "person", f"p{number}", "x"))
    assert len(desk.outbox) <= 20_001
    silent = Desk()
    for number in range(30_000):
        silent.teller.sweep(Held(f"facestream/person/p{number}/x", "person", f"p{number}", "x"))
    silent.hear(gallery(ALICE))
    assert len(silent.outbox) <= 6_000


def test_at_the_end_everything_is_unavailable() -> None:
    desk = Desk().hear(gallery(ALICE))
    desk.teller.leave()
    assert desk.drain().text("available") == "offline"
