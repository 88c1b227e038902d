"""A backup put in the place of what the data folder holds of people, after all of it was checked.

Nothing in the file is run. It says itself what it holds, so its sums show damage, and not who made
it: restore what you made.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streamer.config.replacement import replacing_state
from streamer.errors import BackupError, GalleryError
from streamer.files import create_private, private_folder
from workers.gallery.backup import (
    DATABASES,
    FORMAT,
    GALLERY,
    IN_GALLERY,
    KIND,
    MANIFEST,
    SINGLE_FILES,
    check_database,
    check_gallery,
)
from workers.gallery.notes import read_notes
from workers.gallery.version import DAMAGE, read_manifest
from workers.gallery.versions import Versions

_MAX_MANIFEST_BYTES = 64 << 20
_CHUNK_BYTES = 1 << 20


def restore(data: Path, file: Path) -> dict[str, Any]:
    """Put a backup in the place of what is there; return its manifest.

    No pipeline may be running. Raises BackupError where the file is not whole, is something else,
    or is of a newer format; then nothing has changed.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = _manifest(archive)
            private_folder(data)
            _check_room(data, manifest["files"])
            with _gallery_locked(data / GALLERY), replacing_state(data) as new:
                for name, said in manifest["files"].items():
                    _unpack(archive, name, said, new / name)
                _check(new, manifest["files"])
    except (BackupError, GalleryError) as error:
        raise BackupError(f"{file}: {error}; nothing was changed") from error
    except DAMAGE as error:
        if isinstance(error, OSError):  # of the disk, not of what was read
            raise
        why = " ".join(f"{type(error).__name__} {error}".split())
        raise BackupError(f"{file}: no backup, or damaged: {why}; nothing was changed") from error
    return manifest


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    """Return the checked manifest: it names each file of the archive, and no other."""
    infos = {info.filename: info for info in archive.infolist()}
    if MANIFEST not in infos:
        raise BackupError(f"is no backup, or damaged: it has no {MANIFEST}")
    if infos[MANIFEST].file_size > _MAX_MANIFEST_BYTES:
        raise BackupError(f"its {MANIFEST} has more than {_MAX_MANIFEST_BYTES} bytes")
    manifest = dict(json.loads(archive.read(MANIFEST)))
    if manifest["kind"] != KIND:
        raise BackupError("is no backup, but another thing")
    if manifest["format"] != FORMAT:
        raise BackupError(
            f"its format must be {FORMAT}, and it is {manifest['format']!r:.20}: facestream "
            f"{manifest.get('facestream')!r:.20} wrote it; use that one"
        )
    files = manifest["files"]
    if {*files, MANIFEST} != {*infos} or len(infos) != len(archive.infolist()):
        raise BackupError(f"is damaged: its files are not those that {MANIFEST} names")
    for name, said in files.items():
        known = name in DATABASES or name in SINGLE_FILES or IN_GALLERY.fullmatch(name)
        if not known or infos[name].file_size != int(said["bytes"]):
            raise BackupError(f"is damaged, or no backup: {name!r:.80}")
    return manifest


def _check_room(data: Path, files: dict[str, Any]) -> None:
    wanted, free = sum(int(said["bytes"]) for said in files.values()), shutil.disk_usage(data).free
    if wanted > free:
        raise BackupError(f"needs {wanted >> 20} MB of {data}, and {free >> 20} MB are free")


@contextlib.contextmanager
def _gallery_locked(folder: Path) -> Iterator[None]:
    """Wait for whoever writes to the gallery; it may be damaged, so nothing in it is read."""
    private_folder(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _unpack(archive: zipfile.ZipFile, name: str, said: dict[str, Any], path: Path) -> None:
    """Write a file out, with its bytes on the disk. Raises BackupError unless its hash is right."""
    private_folder(path.parent)
    digest = hashlib.sha256()
    with archive.open(name) as source, open(path, "wb", opener=create_private) as target:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    if digest.hexdigest() != said["sha256"]:
        raise BackupError(f"is damaged: {name} was changed")


def _check(new: Path, files: dict[str, Any]) -> None:
    """Raise BackupError or GalleryError for what this facestream could not use."""
    versions = Versions(new / GALLERY)
    try:
        check_gallery(versions)
        for number in versions.versions():
            read_manifest(versions.folder_of(number))
        read_notes(versions.folder)
    except GalleryError as error:
        raise BackupError(str(error).replace(f"{new}/", "")) from error
    for name, newest in DATABASES.items():
        if name in files:
            check_database(new / name, name, newest)
