"""Deleting a person from the history, so that no byte of them stays in its files.

`secure_delete` overwrites rows, but pages that were rearranged before may hold copies, and so does
the write-ahead log. So the file is written anew (VACUUM) and the log emptied. Who was forgotten is
kept for a day as a salted hash: tracks that still have the name in a running pipeline must not
bring it back. The name is free again once a gallery of a later version has it.
"""

import contextlib
import hashlib
import sqlite3
import time
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from streamer.errors import FacestreamError, HistoryError
from streamer.history.database import (
    changed,
    explained,
    files_of,
    history,
    reason_of,
    transaction,
)
from streamer.history.keeping import refresh_stranger

SHEET = "unknowns.jpg"
KEPT_FORGOTTEN_MS = 24 * 3600 * 1000
_CLEAN_S = 60.0
_MAX_DIGITS = 18  # of a version's number, which then fits into a column
_NAMES = (
    "SELECT person FROM visits UNION SELECT person FROM events UNION SELECT person FROM strangers "
    "UNION SELECT person FROM ignored UNION SELECT before FROM corrections "
    "UNION SELECT identity FROM corrections"
)
_DELETIONS = (
    "DELETE FROM visits WHERE person = ?",
    "DELETE FROM events WHERE person = ?",
    "DELETE FROM ignored WHERE person = ?",
    "DELETE FROM corrections WHERE ? IN (before, identity)",
    "UPDATE strangers SET state = 'gone', person = NULL WHERE person = ?",
)


class Forgotten:
    """Names that must not be written, as the file has them now."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __contains__(self, name: str) -> bool:
        row = self._connection.execute("SELECT count(*) FROM forgotten").fetchone()
        return bool(row[0]) and bool(
            self._connection.execute(
                "SELECT 1 FROM forgotten WHERE hash = ?", (name_hash(self._connection, name),)
            ).fetchone()
        )

    def enrolled_again(self, name: str, version: str) -> None:
        """Note a name of a gallery in use: after the forgetting, it may be written again."""
        if len(version) <= _MAX_DIGITS and version.isdecimal() and name in self:
            self._connection.execute(
                "DELETE FROM forgotten WHERE hash = ? AND before_version <= ?",
                (name_hash(self._connection, name), int(version)),
            )


def holds(path: Path, name: str) -> bool | None:
    """Tell whether the history has something of a person; None where it is too damaged to tell.

    Raises HistoryError where it cannot be opened for another reason.
    """
    if not path.is_file():
        return False
    try:
        with history(path) as connection:
            return bool(_spellings(connection, name))
    except HistoryError as error:
        if is_damaged(path, error):
            return None
        raise


def is_damaged(path: Path, error: FacestreamError) -> bool:
    """Tell whether what failed did so because the file is damaged, whatever SQLite called it."""
    cause = error.__cause__
    if not isinstance(cause, sqlite3.Error):
        return False
    reason = reason_of(cause)
    if reason in ("store_damaged", "store_busy"):
        return reason == "store_damaged"
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as found:
            verdict = found.execute("PRAGMA integrity_check(1)").fetchall()
            astray = found.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.Error as second:
        return reason_of(second) == "store_damaged"
    return verdict != [("ok",)] or bool(astray)


def forget(path: Path, name: str, before_version: int) -> int:
    """Delete all that the history has of a person; how many visits that was.

    before_version: the name may be written again once a gallery of this version or a later one
    has it. A history that is damaged is deleted as a whole. Killed at any moment, the same
    call does the rest.
    """
    if not path.is_file():
        return 0
    remove_sheet(path)
    try:
        with history(path) as connection:
            visits = _delete(connection, name, before_version)
            clean(connection, path)
            return visits
    except HistoryError as error:
        if not is_damaged(path, error):
            raise
        for file in files_of(path):
            file.unlink(missing_ok=True)
        return 0


def forget_visits(connection: sqlite3.Connection, visits: Iterable[int]) -> int:
    """Delete visits of strangers, who are known by what is left of them; how many that was."""
    with transaction(connection):
        deleted, strangers = 0, set()
        for visit in visits:
            rows = connection.execute("SELECT stranger FROM visits WHERE id = ?", (visit,))
            strangers |= {row[0] for row in rows.fetchall() if row[0] is not None}
            deleted += connection.execute("DELETE FROM visits WHERE id = ?", (visit,)).rowcount
        for stranger in sorted(strangers):
            refresh_stranger(connection, stranger)
    return deleted


def clean(connection: sqlite3.Connection, path: Path, write_anew: bool = True) -> None:
    """Leave nothing of what was deleted in the files. Raises HistoryError where it is in use."""
    until = time.monotonic() + _CLEAN_S
    while True:
        try:
            if write_anew:
                connection.execute("VACUUM")
                write_anew = False
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            if not busy:
                return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
        if time.monotonic() > until:
            raise HistoryError(
                f"{path}: what was deleted is still in its log, for another program "
                f"reads it; end that, and give the same command again"
            )
        time.sleep(0.1)


def remove_sheet(path: Path) -> None:
    """Delete the picture of all strangers beside the history: it may show who is to go.

    What a command that was killed while it drew one has left, goes too.
    """
    with explained(path):
        for sheet in (path.with_name(SHEET), *path.parent.glob(f".*.{SHEET}")):
            sheet.unlink(missing_ok=True)


def _delete(connection: sqlite3.Connection, name: str, before_version: int) -> int:
    with transaction(connection):
        strangers, visits = set(), 0
        for person in _spellings(connection, name):
            rows = connection.execute("SELECT stranger FROM visits WHERE person = ?", (person,))
            found = [row[0] for row in rows.fetchall()]
            strangers |= {stranger for stranger in found if stranger is not None}
            visits += len(found)
            for deletion in _DELETIONS:
                connection.execute(deletion, (person,))
        for stranger in sorted(strangers):
            refresh_stranger(connection, stranger)
        connection.execute(
            "INSERT OR REPLACE INTO forgotten VALUES (?, ?, ?)",
            (name_hash(connection, name), before_version, time.time_ns() // 1_000_000),
        )
        changed(connection)
    return visits


def _spellings(connection: sqlite3.Connection, name: str) -> list[str]:
    """Return the names in the history that are this one, however their accents are encoded."""
    wanted = composed(name)
    names = [row[0] for row in connection.execute(_NAMES).fetchall() if row[0] is not None]
    return [each for each in names if composed(each) == wanted]


def name_hash(connection: sqlite3.Connection, name: str) -> bytes:
    """Return what is kept of a name that was forgotten, salted with the file's own salt."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'salt'").fetchone()
    if row is None:
        error = sqlite3.DatabaseError("a table has lost its rows")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error
    return hashlib.sha256(bytes(row[0]) + composed(name).encode(errors="replace")).digest()


def composed(name: str) -> str:
    """Return a name as names are compared."""
    return unicodedata.normalize("NFC", name).strip()
