"""Questions to the history: events, visits, strangers, crops. Reading only."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.constants import CROP_SIZE, EMBEDDING_SIZE
from streamer.errors import HistoryError
from streamer.wire.messages import IdentityEvent
from streamer.wire.timestamps import utc_text

_EVENTS = (
    "SELECT events.id, event, camera, track, events.person, events.stranger, "
    "events.probability, squared_distance, left, top, width, height, at_ms, weights, gallery "
    "FROM events JOIN visits ON visits.id = visit"
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which rows: of a time (milliseconds since 1970), a person or stranger, a camera.

    before: of visits, those that began before the one of this id; 0 for all.
    """

    since_ms: int = 0
    until_ms: int = 2**62
    person: str = ""
    camera: str = ""
    limit: int = 1000
    before: int = 0

    @property
    def values(self) -> dict[str, object]:
        """Return what the queries below name."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class StoredCrop:
    """A crop with its visit. embedding (128,) float32, crop_rgb (96, 96, 3) uint8."""

    visit: int
    camera: str
    entered_ms: int
    at_ms: int
    quality: float
    face_px: int
    weights: str
    embedding: NDArray[np.float32]
    crop_rgb: NDArray[np.uint8]


ReadCrops = Callable[[sqlite3.Connection], list[StoredCrop]]


@dataclass(frozen=True)
class LastSeen:
    """When somebody was seen last, and where."""

    seen_utc: str
    camera: str


@dataclass(frozen=True, kw_only=True)
class KeptPerson:
    """A stranger of whom crops are kept: visits, times and cameras."""

    name: str
    visits: int
    first_ms: int
    last_ms: int
    cameras: tuple[str, ...]
    crops: int


def events(connection: sqlite3.Connection, wanted: Wanted) -> list[dict[str, Any]]:
    """Return events as they were published, but for corrected names; the newest last."""
    rows = connection.execute(
        f"{_EVENTS} WHERE at_ms BETWEEN :since_ms AND :until_ms "
        "AND (:person = '' OR :person IN (events.person, events.stranger, visits.person)) "
        "AND (:camera = '' OR camera = :camera) "
        "ORDER BY at_ms DESC, events.rowid DESC LIMIT :limit",
        wanted.values,
    ).fetchall()
    return [_event(row) for row in reversed(rows)]


def events_since(
    connection: sqlite3.Connection, since_ms: int, limit: int = 10_000
) -> list[IdentityEvent]:
    """Return events as a subscriber would have heard them, but for exits that end no visit.

    What is not written down is empty; `joined` tells only that a visit had begun before.
    """
    rows = connection.execute(
        "SELECT event, events.id, camera, visits.track, events.person, events.stranger, "
        "events.probability, squared_distance, left, top, width, height, at_ms, weights, gallery, "
        "published, epoch, entered_ms FROM events JOIN visits ON visits.id = visit "
        "WHERE at_ms >= ? AND (event != 'exit' OR at_ms >= left_ms) ORDER BY events.rowid LIMIT ?",
        (since_ms, limit),
    ).fetchall()
    return [
        IdentityEvent(
            event=row[0], id=row[1], camera=row[2], track=row[3], identity=row[4],
            stranger=row[5], probability=row[6], squared_distance=row[7],
            box_xywh=(row[8], row[9], row[10], row[11]), captured_utc=utc_of(row[12]),
            media_ms=0.0, age_ms=0.0, sequence=0, number=0, weights=row[13], gallery=row[14],
            visit=row[15], epoch=row[16],
            joined=row[3] if row[0] == "enter" and row[12] > row[17] else None,
        )
        for row in rows
    ]  # fmt: skip


def visits(connection: sqlite3.Connection, wanted: Wanted) -> list[dict[str, Any]]:
    """Return visits from enter to exit, in the order of their beginning."""
    rows = connection.execute(
        "SELECT id, camera, track, person, stranger, probability, entered_ms, seen_ms, left_ms, "
        "(SELECT count(*) FROM crops WHERE visit = visits.id) FROM visits "
        "WHERE seen_ms >= :since_ms AND entered_ms <= :until_ms "
        "AND (:person = '' OR :person IN (person, stranger)) "
        "AND (:camera = '' OR camera = :camera) AND (:before = 0 OR (entered_ms, id) < "
        "(SELECT entered_ms, id FROM visits WHERE id = :before)) "
        "ORDER BY entered_ms DESC, id DESC LIMIT :limit",
        wanted.values,
    ).fetchall()
    return [
        {
            "visit": row[0],
            "camera": row[1],
            "track": row[2],
            "identity": row[3],
            "stranger": row[4],
            "probability": row[5],
            "entered_utc": utc_of(row[6]),
            "seen_utc": utc_of(row[7]),
            "left_utc": utc_of(row[8]) if row[8] is not None else None,
            "crops": row[9],
        }
        for row in reversed(rows)
    ]


def last_events(connection: sqlite3.Connection, of_visits: Sequence[int]) -> dict[int, str]:
    """Return the id of the last event of each visit that has one."""
    marks = ",".join("?" * len(of_visits))
    rows = connection.execute(
        f"SELECT visit, id, max(rowid) FROM events WHERE visit IN ({marks}) GROUP BY visit",  # noqa: S608 - question marks
        list(of_visits),
    )
    return {int(visit): str(event) for visit, event, _ in rows.fetchall()}


def last_seen(connection: sqlite3.Connection) -> dict[str, LastSeen]:
    """Return when and where everybody enrolled was seen last, by name."""
    rows = connection.execute(
        "SELECT person, max(seen_ms), camera FROM visits WHERE person IS NOT NULL GROUP BY person"
    )
    return {str(person): LastSeen(utc_of(at), camera) for person, at, camera in rows.fetchall()}


def events_after(
    connection: sqlite3.Connection, event: str, limit: int
) -> list[dict[str, Any]] | None:
    """Return events that were written after one, the newest last; None where that is not known."""
    row = connection.execute("SELECT rowid FROM events WHERE id = ?", (event,)).fetchone()
    if row is None:
        return None
    rows = connection.execute(f"{_EVENTS} WHERE events.rowid > ? ORDER BY events.rowid LIMIT ?",
                              (row[0], limit))  # fmt: skip
    return [_event(row) for row in rows.fetchall()]


def kept_strangers(connection: sqlite3.Connection, since_ms: int = 0) -> list[KeptPerson]:
    """Return the strangers of whom crops are kept, who was seen last first."""
    rows = connection.execute(
        "SELECT visits.stranger, count(*), min(entered_ms), max(visits.seen_ms), "
        "group_concat(DISTINCT camera), sum((SELECT count(*) FROM crops WHERE visit = visits.id)) "
        "FROM visits JOIN strangers ON strangers.id = visits.stranger WHERE state = 'kept' "
        "GROUP BY visits.stranger HAVING max(visits.seen_ms) >= ? ORDER BY max(visits.seen_ms) "
        "DESC",
        (since_ms,),
    ).fetchall()
    return [
        KeptPerson(
            name=row[0], visits=row[1], first_ms=row[2], last_ms=row[3],
            cameras=tuple(sorted(row[4].split(","))), crops=row[5],
        )
        for row in rows
    ]  # fmt: skip


def crops_of_stranger(
    connection: sqlite3.Connection, name: str, limit: int = 1000
) -> list[StoredCrop]:
    """Return the crops kept of a stranger, the best first."""
    crops = _crops(connection, stranger=name)
    return sorted(crops, key=lambda crop: -crop.quality)[:limit]


def crops_of_person(connection: sqlite3.Connection, name: str) -> list[StoredCrop]:
    """Return the snapshots kept of somebody enrolled, the oldest first."""
    return _crops(connection, person=name)


def crops_of_visit(connection: sqlite3.Connection, visit: int) -> list[StoredCrop]:
    """Return the crops kept of a visit, the oldest first."""
    return _crops(connection, visit=visit)


def strangers_crops(connection: sqlite3.Connection, weights: str) -> list[tuple[int, bytes]]:
    """Return visits of strangers with an embedding of each crop, as far as made with weights."""
    rows = connection.execute(
        "SELECT visit, embedding FROM crops JOIN visits ON visits.id = visit WHERE person IS NULL "
        "AND weights = ? ORDER BY visit",
        (weights,),
    )
    return [(int(visit), bytes(embedding)) for visit, embedding in rows.fetchall()]


def strangers_templates(connection: sqlite3.Connection, weights: str) -> list[tuple[str, bytes]]:
    """Return the strangers who are kept with what they are known by, as far as made with weights.

    A template is 128 float32 of unit length.
    """
    rows = connection.execute(
        "SELECT id, template FROM strangers WHERE state = 'kept' AND weights = ? "
        "AND template IS NOT NULL",
        (weights,),
    )
    return [(str(name), bytes(template)) for name, template in rows.fetchall()]


def visits_of(connection: sqlite3.Connection, who: str) -> tuple[int, int | None]:
    """Return how many visits there are of a person or a stranger, and the last time seen."""
    count, last_ms = connection.execute(
        "SELECT count(*), max(seen_ms) FROM visits WHERE person = ? "
        "OR (person IS NULL AND stranger = ?)",
        (who, who),
    ).fetchone()
    return int(count), None if last_ms is None else int(last_ms)


def visit_of_event(connection: sqlite3.Connection, event: str) -> tuple[int, str | None]:
    """Return the visit that an event is of, and whose it is. Raises HistoryError."""
    row = connection.execute(
        "SELECT visits.id, visits.person FROM events JOIN visits ON visits.id = visit "
        "WHERE events.id = ?",
        (event,),
    ).fetchone()
    if row is None:
        raise HistoryError(f"no event {event!r:.80} is in the history; see facestream events")
    return int(row[0]), row[1]


def corrections_of(connection: sqlite3.Connection, name: str) -> list[dict[str, Any]]:
    """Return what users have said about a person."""
    rows = connection.execute(
        "SELECT correction, before, identity, track, made_ms FROM corrections WHERE before = ? "
        "OR identity = ? ORDER BY id",
        (name, name),
    )
    keys = ("correction", "before", "identity", "track")
    return [
        {**dict(zip(keys, row[:4], strict=True)), "made_utc": utc_of(row[4])}
        for row in rows.fetchall()
    ]


def utc_of(milliseconds: int) -> str:
    """Return a time in the history as RFC 3339 text."""
    return utc_text(milliseconds * 1_000_000)


def _event(row: Sequence[Any]) -> dict[str, Any]:
    return {
        "event": row[1],
        "id": row[0],
        "camera": row[2],
        "track": row[3],
        "identity": row[4],
        "stranger": row[5],
        "probability": row[6],
        "squared_distance": row[7],
        "box_xywh": list(row[8:12]),
        "captured_utc": utc_of(row[12]),
        "weights": row[13],
        "gallery": row[14],
    }


def _crops(
    connection: sqlite3.Connection,
    *,
    visit: int | None = None,
    person: str | None = None,
    stranger: str | None = None,
) -> list[StoredCrop]:
    rows = connection.execute(
        "SELECT visit, camera, entered_ms, at_ms, quality, face_px, weights, embedding, pixels "
        "FROM crops JOIN visits ON visits.id = visit WHERE visits.id = :visit "
        "OR person = :person OR (person IS NULL AND stranger = :stranger) ORDER BY at_ms, crops.id",
        {"visit": visit, "person": person, "stranger": stranger},
    )
    return [
        StoredCrop(
            visit=row[0], camera=row[1], entered_ms=row[2], at_ms=row[3], quality=row[4],
            face_px=row[5], weights=row[6],
            embedding=np.frombuffer(row[7], "<f4").reshape(EMBEDDING_SIZE),
            crop_rgb=np.frombuffer(row[8], np.uint8).reshape(CROP_SIZE, CROP_SIZE, 3),
        )
        for row in rows.fetchall()
    ]  # fmt: skip
