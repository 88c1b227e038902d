"""The folder of a gallery's versions, and which of them is in use.

<gallery>/current              the name of the version in use, replaced in one step
<gallery>/versions/000007/     never changed once it is there; `version.py` has its files, and
    enrolment.csv, sheet-*.jpg what was taken and refused when the version was made, and why
<gallery>/versions/.partial-*  a version that is being made or deleted
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from streamer.errors import GalleryError
from streamer.files import PRIVATE_FOLDER_MODE, private_folder, write_file
from workers.gallery.version import (
    ARRAYS_OF_FORMAT_2,
    ASIDE,
    CROPS,
    MANIFEST,
    NUMBERS,
    Gallery,
    read_version,
    write_synced,
    write_version,
)

EXTRA_NAME = re.compile(r"[\w-]{1,80}\.(csv|jpg|html|json)")
_TEMPORARY = re.compile(r"\.\d+\..+")


class Versions:
    """Reading needs no lock; whoever adds, activates or removes must keep others out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._versions = folder / "versions"

    def current_version(self) -> str | None:
        """Return the name of the version in use, or None before the first."""
        try:
            version = (self.folder / "current").read_bytes().decode(errors="replace").strip()
        except FileNotFoundError:
            return None
        if not version.isdecimal():
            raise GalleryError(
                f"{self.folder}/current must name a version. Received: {version[:40]!r}"
            )
        return version

    def versions(self) -> list[str]:
        """Return all versions, oldest first."""
        try:
            names = [path.name for path in self._versions.iterdir()]
        except FileNotFoundError:
            return []
        return sorted((name for name in names if name.isdecimal()), key=int)

    def folder_of(self, version: str) -> Path:
        """Return where a version's files are. Raises GalleryError if there is no such version."""
        if version not in self.versions():
            known = ", ".join(self.versions()) or "none"
            raise GalleryError(f"{self.folder}: no version {version!r}. There are: {known}")
        return self._versions / version

    def read_version(self, version: str, whole: bool = False) -> Gallery:
        """Load one version; with `whole`, verify its pictures, too.

        Raises GalleryError where it is not there or not whole.
        """
        return read_version(self.folder_of(version), whole)

    def activate(self, version: str) -> None:
        """Make a version the one in use; one that is not whole is refused."""
        self.read_version(version, whole=True)
        write_file(self.folder / "current", f"{version}\n".encode())

    def next_number(self) -> int:
        """Return the number of the next version: none of a version that is or was in use."""
        with contextlib.suppress(GalleryError):
            return max([*map(int, self.versions()), int(self.current_version() or 0)]) + 1
        return max([*map(int, self.versions()), 0]) + 1

    @contextmanager
    def new_version(self, number: int) -> Iterator[Path]:
        """Yield a folder to fill, which becomes that version unless something is raised."""
        partial = self._versions / f".partial-{os.getpid()}"
        private_folder(self._versions)
        partial.mkdir(PRIVATE_FOLDER_MODE)
        try:
            yield partial
            partial.rename(self._versions / version_name(number))
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def add(
        self, gallery: Gallery, number: int, extras: Mapping[str, bytes] | None = None, **more: str
    ) -> str:
        """Write a gallery as version `number` with some files beside it; return the version's name.

        `more` goes into its manifest. It is not put in use.
        """
        version = version_name(number)
        with self.new_version(number) as partial:
            write_version(partial, replace(gallery, version=version), **more)
            for name, content in (extras or {}).items():
                if not EXTRA_NAME.fullmatch(name):
                    raise ValueError(f"extras must have plain names. Received: {name!r}")
                write_synced(partial / name, content)
        return version

    def remove(self, version: str) -> None:
        """Delete a version: at once no longer a version, then its files."""
        gone = self._versions / f".partial-gone-{version}"
        self.folder_of(version).rename(gone)
        shutil.rmtree(gone)

    def remove_leftovers(self) -> None:
        """Delete what killed writers left. We hold the lock: it is nobody's."""
        for path in self._versions.glob(".partial-*"):
            shutil.rmtree(path)
        for path in self.folder.glob(".*"):
            if _TEMPORARY.fullmatch(path.name):
                path.unlink()


def version_name(number: int) -> str:
    """Return a version's name: its number in at least six digits."""
    return f"{number:06d}"


def extras_of(folder: Path) -> list[Path]:
    """Return the files of a version beside its manifest, numbers and pictures."""
    ours = {MANIFEST, NUMBERS, CROPS, ASIDE, ARRAYS_OF_FORMAT_2}
    return [path for path in sorted(folder.iterdir()) if path.name not in ours]
