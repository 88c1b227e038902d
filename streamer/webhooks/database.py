"""The file of the queue of webhooks: its tables, and how it is made and opened."""

import os
import secrets
import sqlite3
from pathlib import Path

from streamer.errors import WebhookError
from streamer.files import create_private, private_folder
from streamer.history.database import transaction

_BUSY_S = 5.0
VERSION = 1
_SCHEMA = """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE deliveries (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE, webhook TEXT NOT NULL, event TEXT NOT NULL, camera TEXT NOT NULL,
        body BLOB NOT NULL, queued_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0, fault TEXT NOT NULL DEFAULT '',
        dead_ms INTEGER
    );
    CREATE INDEX deliveries_due ON deliveries (webhook, next_ms) WHERE dead_ms IS NULL;
    CREATE TABLE about (
        delivery INTEGER NOT NULL REFERENCES deliveries ON DELETE CASCADE, person TEXT NOT NULL,
        PRIMARY KEY (delivery, person)
    ) WITHOUT ROWID;
    CREATE INDEX about_by_person ON about (person);
    CREATE TABLE done (id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX done_by_time ON done (at_ms);
    CREATE TABLE forgotten (
        hash BLOB PRIMARY KEY, before_version INTEGER NOT NULL, at_ms INTEGER NOT NULL
    )
"""


def open_queue(path: Path, make: bool) -> sqlite3.Connection:
    """Open the file; with `make`, one that is not there is made. Raises WebhookError."""
    if make:
        private_folder(path.parent, close=True)
        os.close(create_private(path, os.O_RDWR | os.O_CREAT))
    elif not path.is_file():
        raise WebhookError(f"{path}: nothing is queued: no webhook has been called yet")
    connection = sqlite3.connect(
        path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    for pragma in ("secure_delete = ON", "foreign_keys = ON", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise WebhookError(
            f"{path}: its version must be at most {VERSION}, and it is {version}: a newer "
            f"facestream wrote it; use that one, or move the file away"
        )
    if version < VERSION:
        connection.execute("PRAGMA journal_mode = WAL")
        with transaction(connection):
            if int(connection.execute("PRAGMA user_version").fetchone()[0]) == 0:
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(
                    "INSERT INTO meta VALUES ('salt', ?)", (secrets.token_bytes(16),)
                )
                connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("PRAGMA synchronous = FULL")  # what was queued survives a power cut
