"""Messages as Frigate and Double Take have them, for automations that were made for those.

Frigate: https://docs.frigate.video/integrations/mqtt, `tracked_object_update` of type `face`.
Double Take: https://github.com/skrashevich/double-take, topics `matches`, `unknown` and `cameras`.
"""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from streamer.mqtt.book import Happening
from streamer.mqtt.states import as_json

Message = tuple[str, bytes]


def messages(happening: Happening, also: Collection[str]) -> list[Message]:
    """Return (topic, payload) of each; of somebody who leaves they have none."""
    if happening.kind == "exit":
        return []
    return [
        *([_frigate(happening)] if "frigate" in also else []),
        *(_double_take(happening) if "double-take" in also else []),
    ]


def _frigate(happening: Happening) -> Message:
    seen = happening.seen
    payload = {
        "type": "face",
        "id": seen.track,
        "name": seen.who if seen.enrolled else None,
        "score": seen.probability if seen.enrolled else 0.0,
        "camera": happening.camera,
        "timestamp": _seconds(happening.time_utc),
    }
    return "frigate/tracked_object_update", as_json(payload)


def _double_take(happening: Happening) -> list[Message]:
    seen = happening.seen
    left, top, width, height = happening.box_xywh
    face: dict[str, Any] = {
        "name": seen.who if seen.enrolled else "unknown",
        "confidence": round(100 * seen.probability, 2) if seen.enrolled else 0,
        "match": seen.enrolled,
        "box": {"top": top, "left": left, "width": width, "height": height},
        "detector": "facestream",
        "type": "facestream",
    }
    about = {
        "id": seen.track,
        "duration": 0,
        "timestamp": happening.time_utc,
        "attempts": 1,
        "camera": happening.camera,
        "zones": [],
    }
    matches, unknowns = ([face], []) if seen.enrolled else ([], [face])
    counts = {"person": 1, "match": len(matches), "miss": 0, "unknown": len(unknowns)}
    of_camera = {**about, "matches": matches, "misses": [], "unknowns": unknowns, "counts": counts}
    name = re.sub(r"[+#/\0]", "_", seen.who)
    if seen.enrolled:
        own = (f"double-take/matches/{name}", as_json({**about, "match": face}))
    else:
        own = ("double-take/unknown", as_json({**about, "unknown": face}))
    return [own, (f"double-take/cameras/{happening.camera}", as_json(of_camera))]


def _seconds(time_utc: str) -> float:
    try:
        return datetime.fromisoformat(time_utc).timestamp()
    except ValueError:
        return 0.0
