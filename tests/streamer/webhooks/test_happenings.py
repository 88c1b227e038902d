from typing import Any

from streamer.webhooks.happenings import Happenings
from streamer.wire.messages import (
    CameraState,
    CorrectionEvent,
    ExpiryEvent,
    IdentityEvent,
    PresenceEvent,
    PresentTrack,
)
from tests.streamer.metrics.made import stats


def event(
    kind: Any, track: str, identity: str | None = "Al", visit: str = "v1", **more: Any
) -> IdentityEvent:
    values = {
        "camera": "door", "probability": 0.9, "squared_distance": 0.1, "box_xywh": (0, 0, 9, 9),
        "captured_utc": "2026-01-01T00:00:00.000Z", "media_ms": 0.0, "age_ms": 9.0, "sequence": 1,
        "epoch": "e1", "number": 1, "weights": "w", "gallery": "g", **more,
    }  # fmt: skip
    return IdentityEvent(
        event=kind, id=f"{kind}-{track}", track=track, identity=identity,
        stranger=None if identity else "unknown-1", visit=visit, **values,
    )  # fmt: skip


def present(*tracks: tuple[str, str], epoch: str = "e1") -> PresenceEvent:
    return PresenceEvent(
        "door",
        epoch,
        tuple(
            PresentTrack(
                track=track, identity="Al", stranger=None, probability=0.9,
                box_xywh=(0, 0, 9, 9), entered_utc="t", visit=visit,
            )
            for track, visit in tracks
        ),
    )  # fmt: skip


def told(happenings: Happenings, *messages: object) -> list[tuple[str, str]]:
    return [(each.event, each.id) for message in messages for each in happenings.take(message)]


def test_who_comes_and_goes_is_told_once_however_many_tracks() -> None:
    happenings = Happenings()
    assert told(happenings, event("enter", "1"), event("update", "1")) == [("enter", "enter-1")]
    assert told(happenings, event("enter", "2", joined="1"), event("exit", "1")) == []
    assert told(happenings, event("exit", "2")) == [("exit", "exit-2")]


def test_a_name_that_changes_is_told_with_the_one_before() -> None:
    happenings = Happenings()
    assert told(happenings, event("enter", "1", None)) == [("enter", "enter-1")]
    (change,) = happenings.take(event("update", "1", "Al"))
    assert (change.event, change.before, change.identity) == ("change", "unknown-1", "Al")
    assert change.text == "unknown-1 at door is Al"
    (change,) = happenings.take(event("update", "1", "Bo"))
    assert change.people == ("Bo", "Al")


def test_what_had_begun_before_it_was_listened_is_not_told_as_new() -> None:
    happenings = Happenings()
    assert told(happenings, event("update", "1"), event("enter", "2", visit="v2", joined="0")) == []
    assert told(happenings, event("exit", "1")) == [("exit", "exit-1")]
    other = Happenings()
    assert told(other, present(("1", "v1"), ("2", "v1"))) == []
    assert told(other, event("exit", "1")) == []
    assert told(other, event("exit", "2")) == [("exit", "exit-2")]


def test_who_is_there_no_more_has_left_although_the_exit_was_lost() -> None:
    happenings = Happenings()
    told(happenings, event("enter", "1"), event("enter", "2", "Bo", "v2"), present(("1", "v1")))
    assert told(happenings, present(("1", "v1"))) == []
    (gone,) = happenings.take(present(epoch="e2"))  # the process that names was killed
    assert (gone.event, gone.id, gone.identity) == ("exit", "v1-gone", "Al")
    assert told(happenings, event("exit", "1", epoch="e2")) == [("exit", "exit-1")]


def test_a_camera_that_is_away_or_back_is_told_of_but_not_at_first() -> None:
    happenings = Happenings()
    states = ("opening", "running", "running", "stalled", "opening", "retrying", "running")
    messages = [
        stats("capture", "door", camera_state=CameraState(state, "why"))  # type: ignore[arg-type]
        for state in states
    ]
    texts = [each.text for message in messages for each in happenings.take(message)]
    assert texts == [
        "camera door: stalled why", "camera door: retrying why", "camera door: running why",
    ]  # fmt: skip


def test_corrections_and_expiries_name_people_but_nobody_is_named_once_forgotten() -> None:
    happenings = Happenings()
    said = CorrectionEvent(
        correction="name", id=3, before="unknown-7", identity="Al", track=None, made_utc="t"
    )
    (correction,) = happenings.take(said)
    assert correction.text == "unknown-7 is Al"
    (expiry,) = happenings.take(ExpiryEvent(expiry="soon", person="Al", expires_utc="2026-05-01"))
    assert expiry.people == ("Al",)
    assert happenings.take(ExpiryEvent(expiry="forgotten", person="Al", expires_utc="t")) == []
