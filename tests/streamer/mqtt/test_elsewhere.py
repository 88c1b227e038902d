"""Messages as Frigate and Double Take have them."""

import json
from typing import Any

from tests.streamer.mqtt.heard import ALICE, Desk, event, gallery

AT = "2026-01-02T10:00:00.500Z"


def said(desk: Desk) -> dict[str, Any]:
    return {to: json.loads(p) for to, p in desk.heard if not to.startswith("facestream")}


def test_by_default_there_are_none() -> None:
    assert said(Desk().hear(gallery(ALICE), event("enter", ALICE))) == {}


def test_as_frigate_has_them() -> None:
    desk = Desk(also=["frigate"]).hear(gallery(ALICE), event("enter", ALICE, captured_utc=AT))
    assert said(desk) == {
        "frigate/tracked_object_update": {
            "type": "face", "id": "c-1", "name": ALICE, "score": 0.97, "camera": "door",
            "timestamp": 1767348000.5,
        }
    }  # fmt: skip
    desk.hear(event("exit", ALICE), event("enter", "unknown-3", "c-2"))
    assert said(desk)["frigate/tracked_object_update"]["name"] is None
    assert not set(said(desk)) & set(desk.held)


def test_as_double_take_has_them() -> None:
    desk = Desk(also=["double-take"]).hear(gallery("A/B+#"), event("enter", "A/B+#"))
    found = said(desk)
    assert set(found) == {"double-take/matches/A_B__", "double-take/cameras/door"}
    match = found["double-take/matches/A_B__"]["match"]
    assert (match["name"], match["confidence"], match["match"]) == ("A/B+#", 97.0, True)
    assert match["box"] == {"top": 20, "left": 10, "width": 80, "height": 80}
    assert found["double-take/cameras/door"]["matches"] == [match]
    desk.hear(event("enter", "unknown-3", "c-2"))
    found = said(desk)
    assert found["double-take/unknown"]["unknown"]["name"] == "unknown"
    assert found["double-take/cameras/door"]["counts"]["unknown"] == 1
