"""A version of a gallery as one .zip file, to carry to another machine."""

import shutil
import zipfile
from pathlib import Path

from streamer.errors import GalleryError
from streamer.files import create_private, replacing
from workers.gallery.version import (
    ARRAYS_OF_FORMAT_2,
    ASIDE,
    CROPS,
    DAMAGE,
    MANIFEST,
    NUMBERS,
    read_manifest,
    read_version,
    write_manifest,
)
from workers.gallery.versions import EXTRA_NAME, Versions, version_name
from workers.names import check_name

_ARRAYS = (NUMBERS, CROPS, ASIDE, ARRAYS_OF_FORMAT_2)
_MAX_STORED_BYTES = 2**34


def export_version(versions: Versions, version: str, out: Path) -> None:
    """Write a version into one .zip file, the manifest first."""
    folder = versions.folder_of(version)
    read_version(folder, whole=True)
    paths = sorted(folder.iterdir(), key=lambda path: (path.name != MANIFEST, path.name))
    with (
        replacing(out) as partial,
        open(partial, "wb", opener=create_private) as file,
        zipfile.ZipFile(file, "w") as archive,
    ):
        for path in paths:
            archive.write(path, path.name)


def import_version(versions: Versions, path: Path) -> str:
    """Take a version out of a .zip file as the next one; return its name. It is not put in use.

    It has no parent here: the number of its parent there says nothing about the versions here.
    Nothing in the file is run. Raises GalleryError where it is not whole or too large.
    """
    number = versions.next_number()
    try:
        with zipfile.ZipFile(path) as archive, versions.new_version(number) as partial:
            _unpack(archive, partial, path)
            manifest = read_manifest(partial)
            for name in manifest["people"]:
                check_name(name)
            local = {"version": version_name(number), "parent": None, "imported": True}
            write_manifest(partial, {**manifest, **local})
            read_version(partial, whole=True)
    except GalleryError as error:
        raise GalleryError(f"{path}: no exported gallery, or damaged: {error}") from error
    except DAMAGE as error:
        why = " ".join(f"{type(error).__name__} {error}".split())
        raise GalleryError(f"{path}: no exported gallery, or damaged: {why}") from error
    return version_name(number)


def _unpack(archive: zipfile.ZipFile, folder: Path, path: Path) -> None:
    """Write the files that belong to a version, and no other, into a folder."""
    infos = {info.filename: info for info in archive.infolist()}
    if sum(info.file_size for info in infos.values()) > _MAX_STORED_BYTES:
        raise GalleryError(f"holds more than {_MAX_STORED_BYTES} bytes")
    for name in infos:
        if name in (MANIFEST, *_ARRAYS) or EXTRA_NAME.fullmatch(name):
            with (
                archive.open(name) as source,
                open(folder / name, "wb", opener=create_private) as target,
            ):
                shutil.copyfileobj(source, target, 2**20)
    for name in set(_ARRAYS) & infos.keys():
        with zipfile.ZipFile(folder / name) as arrays:
            if sum(info.file_size for info in arrays.infolist()) > _MAX_STORED_BYTES:
                raise GalleryError(f"holds more than {_MAX_STORED_BYTES} bytes")
