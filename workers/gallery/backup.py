"""What the data folder holds of people as one file, made while everything runs.

    backup.json                 which format; each other file with its size and SHA-256
    gallery/...                 all versions, which is in use, what is noted of people
    history/history.sqlite3     as it was at one moment, by SQLite's backup
    webhooks/queue.sqlite3      likewise
    paused.json, web/token      which cameras are paused; the hash of the token

The gallery's lock is held meanwhile, so nobody is enrolled or forgotten half.
"""

import contextlib
import hashlib
import json
import re
import sqlite3
import time
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from streamer.config.replacement import COPIES, only_one
from streamer.constants import HISTORY_FILE, WEBHOOKS_FILE
from streamer.errors import BackupError
from streamer.files import create_private, private_folder, replacing, write_file
from streamer.history.database import MIGRATIONS
from streamer.webhooks.database import VERSION as WEBHOOKS_VERSION
from streamer.wire.timestamps import utc_text
from workers.gallery.store import GalleryStore
from workers.gallery.versions import Versions

MANIFEST = "backup.json"
KIND, FORMAT = "facestream backup", 1
DATABASES = {HISTORY_FILE: len(MIGRATIONS), WEBHOOKS_FILE: WEBHOOKS_VERSION}
"""Databases by their paths, each with the newest version that is understood."""
SINGLE_FILES = ("paused.json", "web/token")
GALLERY = "gallery"
IN_GALLERY = re.compile(rf"{GALLERY}/(current|notes\.json|versions/\d{{1,20}}/\w[\w.-]{{0,99}})")
"""What belongs to a gallery; whatever else lies there is not backed up."""
_CHUNK_BYTES = 1 << 20
_BUSY_S = 30.0


def back_up(data: Path, out: Path) -> dict[str, Any]:
    """Write a backup in one step; return its manifest.

    Raises BackupError where `out` cannot be a backup's place or what is there is damaged, and
    GalleryError where the gallery in use is.
    """
    if not out.parent.is_dir() or out.is_dir():
        raise BackupError(f"{out}: must be a file in a folder that exists")
    if out.resolve().is_relative_to(data):
        raise BackupError(f"{out}: must not be below {data}, which is what is backed up")
    if not data.is_dir():
        raise BackupError(f"{data}: nothing is there yet to be backed up")
    files: dict[str, dict[str, Any]] = {}
    store = GalleryStore(data / GALLERY)
    with (
        only_one(data),
        store.lock(),
        replacing(out) as partial,
        open(partial, "w+b", opener=create_private) as file,
        zipfile.ZipFile(file, "w") as archive,
    ):
        check_gallery(store)
        for path in sorted(store.folder.rglob("*")):
            name = path.relative_to(data).as_posix()
            if IN_GALLERY.fullmatch(name) and path.is_file():
                files[name] = _add(archive, name, path)
        for name in DATABASES:
            if (data / name).is_file():
                copy = data / COPIES / Path(name).name
                private_folder(copy.parent)
                copy_database(data / name, copy)
                check_database(copy, str(data / name), DATABASES[name])
                files[name] = _add(archive, name, copy)
                copy.unlink()
        for name in SINGLE_FILES:
            if (data / name).is_file():
                files[name] = _add(archive, name, data / name)
        manifest = {
            "kind": KIND,
            "format": FORMAT,
            "made_utc": utc_text(time.time_ns()),
            "facestream": version("facestream"),
            "files": files,
        }
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False))
    return manifest


def check_gallery(versions: Versions) -> None:
    """Raise GalleryError unless the gallery in use, if there is one, is whole."""
    current = versions.current_version()
    if current is not None:
        versions.read_version(current, whole=True)


def copy_database(path: Path, copy: Path) -> None:
    """Copy a database as it is at one moment, whoever writes to it. Raises BackupError."""
    write_file(copy, b"")
    try:
        with (
            contextlib.closing(sqlite3.connect(path, timeout=_BUSY_S)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
    except sqlite3.Error as error:
        raise BackupError(f"{path}: cannot be backed up: {error}") from error


def check_database(path: Path, name: str, newest: int) -> None:
    """Raise BackupError unless a database is whole and of a version that is understood."""
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("PRAGMA integrity_check(1)").fetchall()
            number = int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error as error:
        raise BackupError(f"{name} is damaged: {error}") from error
    if rows != [("ok",)]:
        raise BackupError(f"{name} is damaged: {rows[0][0]}")
    if not 1 <= number <= newest:
        raise BackupError(
            f"{name}: its version must be at most {newest}, and it is {number}: a newer facestream "
            f"wrote it"
        )


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> dict[str, Any]:
    """Put a file into the archive; return its size and hash, of the very bytes that went in."""
    digest, size = hashlib.sha256(), 0
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o600 << 16
    with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            target.write(chunk)
    return {"bytes": size, "sha256": digest.hexdigest()}
