"""The file of the history: how it is made, opened and brought up to date.

SQLite in WAL mode: the process that writes and the commands do not wait for each other's reading.
`secure_delete` overwrites what is deleted. A file of an earlier version is brought up to date
when it is opened for writing; one of a later version is refused.
"""

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from streamer.constants import HISTORY_FILE
from streamer.errors import FacestreamError, HistoryError
from streamer.files import create_private, private_folder

BUSY_S = 5.0
_SUFFIXES = ("", "-wal", "-shm", "-journal")
_WAL_KEPT_BYTES = 4 * 1024 * 1024

MIGRATIONS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE visits (
        id INTEGER PRIMARY KEY,
        camera TEXT NOT NULL, published TEXT NOT NULL, track TEXT NOT NULL, epoch TEXT NOT NULL,
        person TEXT, stranger TEXT, probability REAL NOT NULL,
        entered_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL, left_ms INTEGER,
        UNIQUE (camera, published)
    );
    CREATE TABLE tracks (
        camera TEXT NOT NULL, track TEXT NOT NULL,
        visit INTEGER NOT NULL REFERENCES visits ON DELETE CASCADE,
        inside INTEGER NOT NULL,
        PRIMARY KEY (camera, track)
    ) WITHOUT ROWID;
    CREATE INDEX tracks_by_visit ON tracks (visit);
    CREATE INDEX visits_by_time ON visits (seen_ms);
    CREATE INDEX visits_by_person ON visits (person);
    CREATE INDEX visits_by_stranger ON visits (stranger);
    CREATE INDEX visits_open ON visits (camera) WHERE left_ms IS NULL;
    CREATE TABLE events (
        id TEXT NOT NULL UNIQUE,
        visit INTEGER NOT NULL REFERENCES visits ON DELETE CASCADE,
        event TEXT NOT NULL, at_ms INTEGER NOT NULL,
        person TEXT, stranger TEXT, probability REAL NOT NULL, squared_distance REAL NOT NULL,
        left INTEGER NOT NULL, top INTEGER NOT NULL,
        width INTEGER NOT NULL, height INTEGER NOT NULL,
        weights TEXT NOT NULL, gallery TEXT NOT NULL
    );
    CREATE INDEX events_by_visit ON events (visit);
    CREATE INDEX events_by_time ON events (at_ms);
    CREATE TABLE crops (
        id INTEGER PRIMARY KEY,
        visit INTEGER NOT NULL REFERENCES visits ON DELETE CASCADE,
        at_ms INTEGER NOT NULL, quality REAL NOT NULL, face_px INTEGER NOT NULL,
        weights TEXT NOT NULL,
        embedding BLOB NOT NULL CHECK (length(embedding) = 512),
        pixels BLOB NOT NULL CHECK (length(pixels) = 27648)
    );
    CREATE INDEX crops_by_visit ON crops (visit);
    CREATE TABLE strangers (
        id TEXT PRIMARY KEY,
        state TEXT NOT NULL CHECK (state IN ('kept', 'ignored', 'named', 'gone')),
        person TEXT, weights TEXT NOT NULL DEFAULT '', template BLOB, seen_ms INTEGER NOT NULL
    );
    CREATE TABLE ignored (person TEXT PRIMARY KEY, since_ms INTEGER NOT NULL);
    CREATE TABLE corrections (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        correction TEXT NOT NULL, before TEXT NOT NULL, identity TEXT, track TEXT,
        made_ms INTEGER NOT NULL
    );
    CREATE TABLE forgotten (
        hash BLOB PRIMARY KEY, before_version INTEGER NOT NULL, at_ms INTEGER NOT NULL
    );
    """,
)
"""What makes version n + 1 of version n; a step is never changed once it was released."""


def open_history(path: Path, make: bool = False, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """Open the file for reading and writing; with `make`, one that is not there is made.

    busy_s: how long it waits for another writer.

    The file and its folder are the owner's alone. One thread at a time may use the connection.
    Raises HistoryError where the file cannot be used.
    """
    with explained(path):
        if make:
            private_folder(path.parent, close=True)
            os.close(create_private(path, os.O_RDWR | os.O_CREAT))
        elif not path.is_file():
            raise HistoryError(
                f"{path}: there is no history yet; `facestream run` writes it while "
                f"history.enabled is true"
            )
        connection = sqlite3.connect(
            path, timeout=busy_s, isolation_level=None, check_same_thread=False
        )
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


@contextlib.contextmanager
def history(path: Path, make: bool = False) -> Iterator[sqlite3.Connection]:
    """Open the file while the block runs; what goes wrong within it is a HistoryError."""
    connection = open_history(path, make)
    try:
        with explained(path):
            yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write what the block does as a whole or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # a full disk has rolled it back already
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say of the file into a line for people."""
    with explained_as(path, "history", HistoryError):
        yield


@contextlib.contextmanager
def explained_as(path: Path, what: str, kind: type[FacestreamError]) -> Iterator[None]:
    """Do so for any file of SQLite's; `what` it is, and which error to raise."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise kind(explain(path, error, what)) from error


def explain(path: Path, error: sqlite3.Error | OSError, what: str = "history") -> str:
    """Say what is wrong with the file and what to do."""
    match reason_of(error):
        case "disk_full":
            return f"{path}: the disk is full; free some space, and the {what} goes on"
        case "store_damaged":
            return (
                f"{path}: the {what} is damaged ({error}); move the file away, and a new one is "
                f"begun"
            )
        case "store_busy":
            return f"{path}: the {what} is in use by another command; try again when it is done"
    return f"{path}: the {what} cannot be written: {error}"


def reason_of(error: sqlite3.Error | OSError) -> str:
    """Return the reason by which an account counts what could not be written."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if primary == sqlite3.SQLITE_FULL or getattr(error, "errno", None) == 28:  # ENOSPC
        return "disk_full"
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return "store_damaged"
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "store_busy"
    return "store_unwritable"


def history_file(data: Path) -> Path:
    """Return the history of a data folder."""
    return data / HISTORY_FILE


def files_of(path: Path) -> list[Path]:
    """Return the files that belong to a history, whether they are there or not."""
    return [path.with_name(path.name + suffix) for suffix in _SUFFIXES]


def meta(connection: sqlite3.Connection, key: str, default: int = 0) -> int:
    """Read a number from the history's own notes."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return int(row[0]) if row else default


def changed(connection: sqlite3.Connection) -> None:
    """Note that people were named, ignored or deleted: identify reads them anew."""
    connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'changes'")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise HistoryError(
            f"{path}: the history's version must be at most {len(MIGRATIONS)}, and it is "
            f"{version}: a newer facestream wrote it; use that one, or move the file away"
        )
    if version < len(MIGRATIONS):
        if version == 0:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        _migrate(connection)
    connection.execute("PRAGMA synchronous = NORMAL")  # of WAL: a crash loses seconds, no more
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}")


def _migrate(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        first = _version(connection)  # another process may have been quicker
        for number in range(first, len(MIGRATIONS)):
            for statement in MIGRATIONS[number].split(";"):
                if statement.strip():
                    connection.execute(statement)
        if first == 0:
            salt = secrets.token_bytes(16)
            connection.execute("INSERT INTO meta VALUES ('salt', ?), ('changes', 1)", (salt,))
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
