"""What is deleted by itself: by age, by size, and of strangers sooner.

A little at a time, so that writing never waits for long. Call each within no transaction.
"""

import sqlite3
from dataclasses import dataclass

from streamer.history.database import changed, transaction
from streamer.history.forgetting import KEPT_FORGOTTEN_MS
from streamer.history.keeping import refresh_stranger

_VISITS_AT_ONCE = 50
_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Limits:
    """Days that rows are kept since somebody was seen last, and bytes of the whole."""

    keep_days: float
    strangers_days: float
    max_bytes: int


def retain(connection: sqlite3.Connection, limits: Limits, now_ms: int) -> int:
    """Delete some of what is too old or too much; how many visits lost something."""
    oldest = now_ms - round(limits.keep_days * _DAY_MS)
    lost = _delete_visits(
        connection,
        "SELECT id, stranger FROM visits WHERE seen_ms < ? ORDER BY seen_ms LIMIT ?",
        (oldest, _VISITS_AT_ONCE),
    )
    lost += _forget_strangers(connection, now_ms - round(limits.strangers_days * _DAY_MS))
    used = used_bytes(connection)
    if used > limits.max_bytes:
        count = connection.execute("SELECT count(*) FROM visits").fetchone()[0]
        surplus = 1 + round(count * (used - 0.9 * limits.max_bytes) / used)
        lost += _delete_visits(
            connection,
            "SELECT id, stranger FROM visits ORDER BY seen_ms LIMIT ?",
            (min(surplus, _VISITS_AT_ONCE),),
        )
    with transaction(connection):
        connection.execute("DELETE FROM forgotten WHERE at_ms < ?", (now_ms - KEPT_FORGOTTEN_MS,))
        connection.execute("DELETE FROM corrections WHERE made_ms < ?", (oldest,))
        connection.execute(
            "DELETE FROM strangers WHERE state IN ('named', 'gone') AND seen_ms < ? AND NOT EXISTS "
            "(SELECT 1 FROM visits WHERE stranger = strangers.id)",
            (oldest,),
        )
    if lost:
        # Not `execute`, which stops after the first page.
        connection.executescript("PRAGMA incremental_vacuum(5000)")
    # Also where nothing was lost now: what was deleted before may still be in the log, because a
    # reader was in the way.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return lost


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return how much of the file is in use."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _delete_visits(connection: sqlite3.Connection, query: str, arguments: tuple[int, ...]) -> int:
    with transaction(connection):
        rows = connection.execute(query, arguments).fetchall()
        for visit, _ in rows:
            connection.execute("DELETE FROM visits WHERE id = ?", (visit,))
        for stranger in {row[1] for row in rows} - {None}:
            refresh_stranger(connection, stranger)
    return len(rows)


def _forget_strangers(connection: sqlite3.Connection, oldest_ms: int) -> int:
    """Delete crops of visits by strangers that are too old, and the templates made of them."""
    with transaction(connection):
        rows = connection.execute(
            "SELECT DISTINCT visits.id, stranger FROM visits JOIN crops ON visit = visits.id WHERE "
            "person IS NULL AND seen_ms < ? LIMIT ?",
            (oldest_ms, _VISITS_AT_ONCE),
        ).fetchall()
        for visit, _ in rows:
            connection.execute("DELETE FROM crops WHERE visit = ?", (visit,))
        for stranger in {row[1] for row in rows} - {None}:
            refresh_stranger(connection, stranger)
        if rows:
            changed(connection)
    return len(rows)
