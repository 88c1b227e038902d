"""The gallery: people with their crops and embeddings, and the fitted classifier, in versions."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from streamer.errors import GalleryError
from streamer.files import private_folder
from workers.classifier.counter_examples import CounterExamples
from workers.classifier.fitting import ClassifierSpec, fit_classifier
from workers.classifier.impostors import Impostors
from workers.gallery.exchange import export_version, import_version
from workers.gallery.people import People
from workers.gallery.purge import Removal, finish_forgetting, forget_person
from workers.gallery.version import Gallery, read_manifest
from workers.gallery.versions import Versions, extras_of


class GalleryStore(Versions):
    """A folder of versions, which lies in the data folder. Readers need no lock; writers take one.

    Unfinished forgetting is finished by whoever takes the lock next: see `lock()`.
    """

    @property
    def data(self) -> Path:
        """The data folder, from which people are forgotten."""
        return self.folder.parent

    def load(self, weights: str) -> Gallery | None:
        """Return the version in use, or None before the first.

        Raises GalleryError where it is damaged or was made with other weights.
        """
        version = self.current_version()
        if version is None:
            return None
        gallery = self.read_version(version)
        if gallery.weights != weights:
            raise GalleryError(
                f"{self.folder}: gallery {version} was made with weights {gallery.weights}, "
                f"and {weights} are in use; make it anew with: facestream rebuild"
            )
        return gallery

    def read(self) -> Gallery | None:
        """Return the version in use, whatever weights it was made with."""
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
        return self._save(
            people,
            weights=weights,
            impostors=impostors,
            spec=spec,
            extras=extras or {},
            parent=self.current_version(),
        )

    def relabel(self, people: People) -> Gallery:
        """Make a version of the one in use with other names alone, and use it. Call it locked."""
        old = self.read()
        if old is None:
            raise GalleryError("nobody is enrolled")
        gallery = replace(old, people=people, parent=old.version, imported=False)
        version = self.add(gallery, self.next_number())
        self.activate(version)
        return self.read_version(version)

    def refit(self, impostors: Impostors, spec: ClassifierSpec) -> Gallery:
        """Fit the version in use anew, and put that in its place. Call it under `lock()`."""
        old = self.read()
        if old is None:
            raise GalleryError("nobody is enrolled")
        extras = {path.name: path.read_bytes() for path in extras_of(self.folder_of(old.version))}
        new = self._save(
            old.people,
            weights=old.weights,
            impostors=impostors,
            spec=spec,
            extras=extras,
            parent=old.parent,
        )
        self.remove(old.version)
        return new

    def _save(
        self,
        people: People,
        *,
        weights: str,
        impostors: Impostors,
        spec: ClassifierSpec,
        extras: Mapping[str, bytes],
        parent: str | None,
    ) -> Gallery:
        gallery = Gallery(
            version="",
            fingerprint="",
            weights=weights,
            created_utc="",
            people=people,
            classifier=replace(
                fit_classifier(people.embeddings, people.labels, impostors, spec, people.groups()),
                counter_examples=CounterExamples(
                    people.not_them.embeddings, people.not_them.labels
                ),
            ),
            spec=spec,
            parent=parent,
        )
        version = self.add(gallery, self.next_number(), extras)
        self.activate(version)
        return self.read_version(version)

    def before(self, version: str) -> str:
        """Return the version to go back to from this one: its parent.

        Where that cannot be told, or is not whole, it is the newest older one of our own that is
        whole. Raises GalleryError where there is none.
        """
        older = [v for v in reversed(self.versions()) if int(v) < int(version)]
        try:
            manifest = read_manifest(self.folder_of(version))
        except GalleryError:
            candidates, parent = older, None
        else:
            parent = manifest["parent"]
            if parent is None and manifest.get("imported"):
                raise GalleryError(
                    f"{self.folder}: gallery {version} was imported, and no version is before it; "
                    f"choose one with: facestream gallery activate VERSION"
                )
            candidates = [] if parent is None else [parent, *older]
        for candidate in candidates:
            try:
                gallery = self.read_version(candidate, whole=True)
            except GalleryError:
                continue
            if candidate == parent or not gallery.imported:
                return candidate
        raise GalleryError(f"{self.folder}: there is no whole version before {version}")

    def export(self, version: str, out: Path) -> None:
        """Write a version into one .zip file. Call it under `lock()`: nobody is forgotten then."""
        export_version(self, version, out)

    def import_(self, path: Path) -> Gallery:
        """Take a version out of a .zip file as the next one; it is not put in use.

        Call it under `lock()`. Raises GalleryError where it is not whole or too large.
        """
        return self.read_version(import_version(self, path))

    def forget(self, name: str, before: int | None = None) -> Removal | None:
        """Delete all that the data folder holds of a person; None if that is nothing.

        before: of a former name, only what versions of lower numbers hold. Call it under `lock()`,
        which finishes one that was killed.
        """
        return forget_person(self, self.data, name, before)

    @contextmanager
    def lock(self) -> Iterator[list[Removal]]:
        """Keep other writers out; it ends with the process, however that ends.

        First finishes forgetting that was killed, and says what was deleted. Raises GalleryError
        where the folder cannot be made.
        """
        descriptor = self._locked()
        try:
            self.remove_leftovers()
            yield finish_forgetting(self, self.data)
        finally:
            os.close(descriptor)

    def _locked(self) -> int:
        """Return the locked folder; it may be replaced, by a restore, while the lock is awaited."""
        while True:
            try:
                private_folder(self.folder)
                descriptor = os.open(self.folder, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise GalleryError(f"{self.folder}: cannot be made: {error.strerror}") from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(descriptor), self.folder.stat()):
                    return descriptor
            except FileNotFoundError:
                pass
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
