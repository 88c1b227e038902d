"""What users say about people afterwards: who a stranger is, who it was not, whom to ignore.

Identify looks for these every second: it publishes corrections, and knows and ignores people by
them. Each function is one transaction.
"""

import re
import sqlite3
import time
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from streamer.errors import HistoryError
from streamer.history.database import changed, transaction
from streamer.history.keeping import drop_crops_beyond_limits, template_of
from streamer.wire.messages import CorrectionEvent
from streamer.wire.timestamps import utc_text

_MOST_DIGITS = 15  # of a number that is counted on from
_STRANGER = re.compile(r"unknown-[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class KnownStranger:
    """A stranger who is to be known again. template: (128,) float32 of unit length."""

    name: str
    template: NDArray[np.float32]


@dataclass(frozen=True)
class People:
    """What identify must know: strangers to be known again, ids that are no more, who is ignored.

    ignored: names and strangers' ids. last_number: the highest of any stranger's id, 0 for none.
    """

    strangers: tuple[KnownStranger, ...]
    gone: frozenset[str]
    ignored: frozenset[str]
    last_number: int = 0


def is_stranger(name: str) -> bool:
    """Tell whether a text is the id of a stranger, as `unknown-17` is."""
    return _STRANGER.fullmatch(name) is not None


def name_stranger(
    connection: sqlite3.Connection, stranger: str, person: str, snapshots: bool
) -> int:
    """Give all visits of a stranger a person's name; how many there are.

    Of the crops, those are kept that may be of somebody enrolled.
    """
    with transaction(connection):
        rows = connection.execute("SELECT id FROM visits WHERE stranger = ?", (stranger,))
        visits = [int(row[0]) for row in rows.fetchall()]
        connection.execute("UPDATE visits SET person = ? WHERE stranger = ?", (person, stranger))
        connection.execute(
            "UPDATE events SET person = ? WHERE stranger = ? AND person IS NULL", (person, stranger)
        )
        for visit in visits:
            drop_crops_beyond_limits(connection, visit, person, keep=False, snapshots=snapshots)
        _set_state(connection, stranger, "named", person)
        _note(connection, "name", stranger, person, None)
        changed(connection)
    return len(visits)


def not_this_person(connection: sqlite3.Connection, visit: int, person: str, keep: bool) -> None:
    """Take a person's name from a visit and its events; crops stay only if strangers' may."""
    with transaction(connection):
        found = connection.execute("SELECT track FROM visits WHERE id = ?", (visit,)).fetchone()
        connection.execute("UPDATE visits SET person = NULL WHERE id = ?", (visit,))
        connection.execute(
            "UPDATE events SET person = NULL WHERE visit = ? AND person = ?", (visit, person)
        )
        drop_crops_beyond_limits(connection, visit, None, keep, snapshots=False)
        _note(connection, "not", person, None, str(found[0]) if found else None)
        changed(connection)


def ignore(connection: sqlite3.Connection, name: str) -> None:
    """Have somebody be in no event from now on; what is kept of them is deleted.

    Of a stranger the template stays: without it nobody could be ignored. Raises HistoryError for
    one who is not kept.
    """
    with transaction(connection):
        if is_stranger(name):
            row = connection.execute(
                "SELECT template FROM strangers WHERE id = ? AND state IN ('kept', 'ignored')",
                (name,),
            ).fetchone()
            if row is None or row[0] is None:
                raise HistoryError(
                    f"{name} cannot be ignored: nothing is kept that it could be known by; see "
                    f"facestream unknowns"
                )
            _set_state(connection, name, "ignored")
            connection.execute("DELETE FROM visits WHERE stranger = ?", (name,))
        else:
            connection.execute(
                "INSERT OR IGNORE INTO ignored VALUES (?, ?)", (name, time.time_ns() // 1_000_000)
            )
            connection.execute("DELETE FROM visits WHERE person = ?", (name,))
            connection.execute("DELETE FROM events WHERE person = ?", (name,))  # of others' visits
        changed(connection)


def heed(connection: sqlite3.Connection, name: str) -> bool:
    """Undo `ignore`; False where nobody of that name was ignored. A stranger is a new one again."""
    with transaction(connection):
        if is_stranger(name):
            undone = connection.execute(
                "UPDATE strangers SET state = 'gone', template = NULL WHERE id = ? AND "
                "state = 'ignored'",
                (name,),
            )
        else:
            undone = connection.execute("DELETE FROM ignored WHERE person = ?", (name,))
        changed(connection)
    return undone.rowcount > 0


def ignored(connection: sqlite3.Connection) -> list[str]:
    """Return the names and ids of everybody who is ignored."""
    rows = connection.execute(
        "SELECT person FROM ignored UNION ALL SELECT id FROM strangers WHERE state = 'ignored'"
    )
    return [str(row[0]) for row in rows.fetchall()]


def people(connection: sqlite3.Connection, weights: str) -> People:
    """Return what identify must know of people, as far as its weights can tell them.

    Strangers are in the order in which they were seen last.
    """
    rows = connection.execute(
        "SELECT id, state, weights, template FROM strangers ORDER BY seen_ms, rowid"
    ).fetchall()
    return People(
        tuple(
            KnownStranger(name, template_of([template]))
            for name, state, of, template in rows
            if state in ("kept", "ignored") and of == weights and template is not None
        ),
        frozenset(name for name, state, *_ in rows if state in ("named", "gone")),
        frozenset(ignored(connection)),
        _last_number(connection),
    )


def _last_number(connection: sqlite3.Connection) -> int:
    row = connection.execute(
        "SELECT max(CAST(substr(id, 9) AS INTEGER)) FROM (SELECT stranger AS id FROM visits "
        "UNION ALL SELECT id FROM strangers) WHERE id GLOB 'unknown-[1-9]*' AND length(id) < ?",
        (len("unknown-") + _MOST_DIGITS,),
    ).fetchone()
    return int(row[0] or 0)


def last_correction(connection: sqlite3.Connection) -> int:
    """Return the number of the newest correction, 0 before the first."""
    row = connection.execute("SELECT max(id) FROM corrections").fetchone()
    return int(row[0] or 0)


def corrections_after(connection: sqlite3.Connection, number: int) -> list[CorrectionEvent]:
    """Return corrections that are newer than that one, to be published."""
    rows = connection.execute(
        "SELECT id, correction, before, identity, track, made_ms FROM corrections WHERE id > ? "
        "ORDER BY id LIMIT 1000",
        (number,),
    )
    return [
        CorrectionEvent(
            correction=cast(Literal["name", "not"], correction),
            id=int(key),
            before=before,
            identity=identity,
            track=track,
            made_utc=utc_text(int(made_ms) * 1_000_000),
        )
        for key, correction, before, identity, track, made_ms in rows.fetchall()
    ]


def _set_state(
    connection: sqlite3.Connection, stranger: str, state: str, person: str | None = None
) -> None:
    connection.execute(
        "INSERT INTO strangers (id, state, person, seen_ms) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET state = excluded.state, person = excluded.person",
        (stranger, state, person, time.time_ns() // 1_000_000),
    )
    if state != "ignored":
        connection.execute("UPDATE strangers SET template = NULL WHERE id = ?", (stranger,))


def _note(
    connection: sqlite3.Connection,
    correction: str,
    before: str,
    identity: str | None,
    track: str | None,
) -> None:
    connection.execute(
        "INSERT INTO corrections (correction, before, identity, track, made_ms) "
        "VALUES (?, ?, ?, ?, ?)",
        (correction, before, identity, track, time.time_ns() // 1_000_000),
    )
