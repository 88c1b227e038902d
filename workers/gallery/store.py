"""The gallery: people with their crops and embeddings, and the fitted classifier, in versions.

<gallery>/current              the name of the version in use, replaced in one step
<gallery>/versions/000007/     never changed once it is there
    manifest.json              version, parent, time, weights, people, classifier, what is
                               expected of it, hashes
    arrays.npz                 crops, embeddings, owners, classifier; plain numbers only
    enrolment.csv, sheet-*.jpg what was taken and refused when the version was made, and why
"""

import fcntl
import io
import os
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from streamer.errors import GalleryError
from streamer.files import replacing, write_file
from workers.classifier.fitting import ClassifierSpec, fit_classifier
from workers.classifier.impostors import Impostors
from workers.gallery.people import People
from workers.gallery.version import (
    Gallery,
    json_bytes,
    read_manifest,
    read_version,
    write_synced,
    write_version,
)

_EXTRA_NAME = re.compile(r"[\w-]{1,80}\.(csv|jpg|html|json)")
_MAX_STORED_BYTES = 2**31


class GalleryStore:
    """A folder of versions. Readers need no lock; writers take one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def current_version(self) -> str | None:
        """The name of the version in use, or None before the first."""
        try:
            version = (self._folder / "current").read_bytes().decode(errors="replace").strip()
        except FileNotFoundError:
            return None
        if not version.isdecimal():
            raise GalleryError(
                f"{self._folder}/current must name a version. Received: {version[:40]!r}"
            )
        return version

    def load(self, weights: str) -> Gallery | None:
        """The version in use, or None before the first.

        Raises GalleryError where it is damaged or was made with other weights.
        """
        version = self.current_version()
        if version is None:
            return None
        gallery = self.read_version(version)
        if gallery.weights != weights:
            raise GalleryError(
                f"{self._folder}: gallery {version} was made with weights {gallery.weights}, "
                f"and {weights} are in use; make it anew with: facestream rebuild"
            )
        return gallery

    def read(self) -> Gallery | None:
        """The version in use, whatever weights it was made with."""
        version = self.current_version()
        return None if version is None else self.read_version(version)

    def save(
        self,
        people: People,
        weights: str,
        impostors: Impostors,
        spec: ClassifierSpec,
        extras: Mapping[str, bytes] | None = None,
    ) -> Gallery:
        """Fit the classifier and make the next version the one in use. Call it under `lock()`.

        `extras` are files that the version keeps beside its arrays.
        """
        classifier = fit_classifier(
            people.embeddings, people.labels, impostors, spec, people.groups()
        )
        with self._new_version() as (partial, version, parent):
            write_version(partial, version, parent, people, weights, classifier, spec)
            for name, content in (extras or {}).items():
                if not _EXTRA_NAME.fullmatch(name):
                    raise ValueError(f"extras must have plain names. Received: {name!r}")
                write_synced(partial / name, content)
        self.activate(version)
        return self.read_version(version)

    def versions(self) -> list[str]:
        """All versions, oldest first."""
        try:
            names = [path.name for path in (self._folder / "versions").iterdir()]
        except FileNotFoundError:
            return []
        return sorted((name for name in names if name.isdecimal()), key=int)

    def folder_of(self, version: str) -> Path:
        """Where a version's files are. Raises GalleryError if there is no such version."""
        if version not in self.versions():
            known = ", ".join(self.versions()) or "none"
            raise GalleryError(f"{self._folder}: no version {version!r}. There are: {known}")
        return self._folder / "versions" / version

    def read_version(self, version: str) -> Gallery:
        """Load one version. Raises GalleryError where it is not there or not whole."""
        return read_version(self.folder_of(version))

    def activate(self, version: str) -> None:
        """Make a version the one in use; one that is not whole is refused."""
        self.read_version(version)
        write_file(self._folder / "current", f"{version}\n".encode())

    def before(self, version: str) -> str:
        """The version to go back to from this one: its parent, or, where that cannot be told,
        the newest older one that is whole. Raises GalleryError where there is none."""
        try:
            parent = self.read_version(version).parent
        except GalleryError:
            parent = None
        older = [v for v in reversed(self.versions()) if int(v) < int(version)]
        for candidate in [parent, *older] if parent else older:
            try:
                return self.read_version(candidate).version
            except GalleryError:
                continue
        raise GalleryError(f"{self._folder}: there is no whole version before {version}")

    def export(self, version: str, out: Path) -> None:
        """Write a version into one .zip file."""
        folder = self.folder_of(version)
        read_version(folder)
        with replacing(out) as partial, zipfile.ZipFile(partial, "w") as archive:
            for path in sorted(folder.iterdir()):
                archive.write(path, path.name)

    def import_(self, path: Path) -> Gallery:
        """Take a version out of a .zip file as the next one; it is not put in use.

        Call it under `lock()`. Nothing in the file is run. Raises GalleryError where it is not
        whole or too large.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                infos = {info.filename: info for info in archive.infolist()}
                if sum(info.file_size for info in infos.values()) > _MAX_STORED_BYTES:
                    raise GalleryError(f"{path}: holds more than {_MAX_STORED_BYTES} bytes")
                contents = {
                    name: archive.read(name)
                    for name in infos
                    if name in ("manifest.json", "arrays.npz") or _EXTRA_NAME.fullmatch(name)
                }
            with zipfile.ZipFile(io.BytesIO(contents["arrays.npz"])) as arrays:
                if sum(info.file_size for info in arrays.infolist()) > _MAX_STORED_BYTES:
                    raise GalleryError(f"{path}: holds more than {_MAX_STORED_BYTES} bytes")
            with self._new_version() as (partial, version, _):
                for name, content in contents.items():
                    write_synced(partial / name, content)
                manifest = {**read_manifest(partial), "version": version}
                write_synced(partial / "manifest.json", json_bytes(manifest))
                read_version(partial)
        except (OSError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
            raise GalleryError(f"{path}: no exported gallery, or damaged: {error}") from error
        return self.read_version(version)

    @contextmanager
    def _new_version(self) -> Iterator[tuple[Path, str, str | None]]:
        """A folder to fill, which becomes the next version if nothing was raised."""
        versions = self._folder / "versions"
        versions.mkdir(parents=True, exist_ok=True)
        parent = self.current_version()
        version = f"{max([*map(int, self.versions()), int(parent or 0)]) + 1:06d}"
        for left_over in versions.glob(".partial-*"):  # we hold the lock: it is nobody's
            shutil.rmtree(left_over, ignore_errors=True)
        partial = versions / f".partial-{os.getpid()}"
        partial.mkdir()
        try:
            yield partial, version, parent
            partial.rename(versions / version)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def drop_versions_with(self, name: str) -> list[str]:
        """Delete every version but the one in use that holds this person's data; which ones."""
        dropped = []
        current = self.current_version()
        for path in sorted((self._folder / "versions").iterdir()):
            if path.name == current:
                continue
            try:
                holds = name in read_manifest(path)["people"]
            except GalleryError:
                holds = True  # it cannot be told, so it must not stay
            if holds:
                shutil.rmtree(path)
                dropped.append(path.name)
        return dropped

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other writers out; it ends with the process, however that ends."""
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
