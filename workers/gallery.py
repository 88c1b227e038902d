"""The gallery: people with their crops and embeddings, and the fitted classifier, in versions.

<gallery>/current              the name of the version in use, replaced in one step
<gallery>/versions/000007/     never changed once it is there
    manifest.json              version, parent, time, weights, people, hash of the arrays
    arrays.npz                 crops, embeddings, owners, classifier; plain numbers only
"""

import fcntl
import hashlib
import io
import json
import os
import shutil
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.clock import utc_text
from streamer.crop import CROP_SIZE
from streamer.errors import GalleryError
from streamer.files import write_file
from workers.classifier import Classifier, fit_classifier
from workers.impostors import Impostors
from workers.nn4 import EMBEDDING_SIZE

FORMAT = 1


@dataclass(frozen=True)
class People:
    """Enrolled people: n crops of p people.

    crops_rgb (n, 96, 96, 3) uint8, embeddings (n, 128) float32, owner (n,) int32 into names,
    sources (n,): the file (and place in it) that each crop came from.
    """

    names: tuple[str, ...]
    crops_rgb: NDArray[np.uint8]
    embeddings: NDArray[np.float32]
    owner: NDArray[np.int32]
    sources: tuple[str, ...]

    @staticmethod
    def nobody() -> "People":
        """The start of every gallery."""
        return People(
            (),
            np.empty((0, CROP_SIZE, CROP_SIZE, 3), np.uint8),
            np.empty((0, EMBEDDING_SIZE), np.float32),
            np.empty(0, np.int32),
            (),
        )

    def with_person(
        self,
        name: str,
        crops_rgb: NDArray[np.uint8],
        embeddings: NDArray[np.float32],
        sources: Sequence[str],
    ) -> "People":
        """The same people and more crops of one, new or not."""
        names = self.names if name in self.names else (*self.names, name)
        owner = np.full(len(embeddings), names.index(name), np.int32)
        return People(
            names,
            np.concatenate([self.crops_rgb, crops_rgb]),
            np.concatenate([self.embeddings, embeddings]),
            np.concatenate([self.owner, owner]),
            (*self.sources, *sources),
        )

    def without_person(self, name: str) -> "People":
        """The same people but one. Raises GalleryError if the name is not enrolled."""
        if name not in self.names:
            known = ", ".join(self.names) or "nobody"
            raise GalleryError(f"{name!r} is not enrolled. Enrolled: {known}")
        gone = self.names.index(name)
        keep = self.owner != gone
        owner = self.owner[keep]
        return People(
            tuple(other for other in self.names if other != name),
            self.crops_rgb[keep],
            self.embeddings[keep],
            (owner - (owner > gone)).astype(np.int32),
            tuple(s for s, kept in zip(self.sources, keep, strict=True) if kept),
        )


@dataclass(frozen=True)
class Gallery:
    """One version, loaded and checked."""

    version: str
    fingerprint: str
    weights: str
    created_utc: str
    people: People
    classifier: Classifier


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
        gallery = read_version(self._folder / "versions" / version)
        if gallery.weights != weights:
            raise GalleryError(
                f"{self._folder}: gallery {version} was made with weights {gallery.weights}, "
                f"and {weights} are in use; make it anew with: facestream rebuild"
            )
        return gallery

    def read(self) -> Gallery | None:
        """The version in use, whatever weights it was made with."""
        version = self.current_version()
        return None if version is None else read_version(self._folder / "versions" / version)

    def save(
        self, people: People, weights: str, impostors: Impostors, false_accept_rate: float
    ) -> Gallery:
        """Fit the classifier and make the next version the one in use. Call it under `lock()`."""
        classifier = fit_classifier(people.embeddings, people.owner, impostors, false_accept_rate)
        versions = self._folder / "versions"
        versions.mkdir(parents=True, exist_ok=True)
        parent = self.current_version()
        taken = [int(path.name) for path in versions.iterdir() if path.name.isdigit()]
        version = f"{max([*taken, int(parent or 0)]) + 1:06d}"
        partial = versions / f".partial-{os.getpid()}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        _write_version(partial, version, parent, people, weights, classifier, false_accept_rate)
        partial.rename(versions / version)
        self._activate(version)
        return read_version(versions / version)

    def drop_versions_with(self, name: str) -> list[str]:
        """Delete every version but the one in use that holds this person's data; which ones."""
        dropped = []
        current = self.current_version()
        for path in sorted((self._folder / "versions").iterdir()):
            if path.name == current:
                continue
            try:
                holds = name in _manifest(path)["people"]
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

    def _activate(self, version: str) -> None:
        write_file(self._folder / "current", f"{version}\n".encode())


def _write_version(
    folder: Path,
    version: str,
    parent: str | None,
    people: People,
    weights: str,
    classifier: Classifier,
    false_accept_rate: float,
) -> None:
    buffer = io.BytesIO()
    np.savez(
        buffer,
        crops_rgb=people.crops_rgb,
        embeddings=people.embeddings,
        owner=people.owner,
        svm_weights=classifier.weights,
        svm_bias=classifier.bias,
        limits=np.array([classifier.slope, classifier.offset, classifier.max_squared_distance]),
    )
    content = buffer.getvalue()
    manifest = {
        "format": FORMAT,
        "version": version,
        "parent": parent,
        "created_utc": utc_text(time.time_ns()),
        "weights": weights,
        "false_accept_rate": false_accept_rate,
        "people": list(people.names),
        "sources": list(people.sources),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    for name, data in (
        ("arrays.npz", content),
        ("manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False).encode()),
    ):
        with (folder / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT or not isinstance(manifest["people"], list):
            raise GalleryError(f"{folder}: its format must be {FORMAT}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GalleryError(f"{folder}: the gallery's manifest is damaged: {error}") from error
    return dict(manifest)


def read_version(folder: Path) -> Gallery:
    """Load one version. Raises GalleryError for anything that is not whole."""
    manifest = _manifest(folder)
    try:
        content = (folder / "arrays.npz").read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if digest != manifest["sha256"]:
            raise GalleryError(f"{folder}: the gallery is damaged: its arrays do not match")
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            people = People(
                tuple(str(name) for name in manifest["people"]),
                stored["crops_rgb"],
                stored["embeddings"],
                stored["owner"],
                tuple(str(source) for source in manifest["sources"]),
            )
            slope, offset, limit = (float(value) for value in stored["limits"])
            classifier = Classifier(
                stored["svm_weights"], stored["svm_bias"], slope, offset,
                people.embeddings, people.owner, limit,
            )  # fmt: skip
        _check(folder, people, classifier)
        return Gallery(
            str(manifest["version"]),
            digest[:12],
            str(manifest["weights"]),
            str(manifest["created_utc"]),
            people,
            classifier,
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise GalleryError(f"{folder}: the gallery is damaged: {error}") from error


def _check(folder: Path, people: People, classifier: Classifier) -> None:
    count, persons = len(people.owner), len(people.names)
    shapes = (
        people.crops_rgb.shape == (count, CROP_SIZE, CROP_SIZE, 3)
        and people.embeddings.shape == (count, EMBEDDING_SIZE)
        and classifier.weights.shape == (persons, EMBEDDING_SIZE)
        and classifier.bias.shape == (persons,)
        and len(people.sources) == count
        and set(people.owner.tolist()) == set(range(persons))
    )
    if not shapes or not np.isfinite(people.embeddings).all():
        raise GalleryError(f"{folder}: the gallery's arrays do not fit together")
