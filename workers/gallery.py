"""The gallery: people with their crops and embeddings, and the fitted classifier, in versions.

<gallery>/current              the name of the version in use, replaced in one step
<gallery>/versions/000007/     never changed once it is there
    manifest.json              version, parent, time, weights, people, classifier, what is
                               expected of it, hashes
    arrays.npz                 crops, embeddings, owners, classifier; plain numbers only
    enrolment.csv, sheet-*.jpg what was taken and refused when the version was made, and why
"""

import fcntl
import hashlib
import io
import json
import os
import re
import shutil
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.clock import utc_text
from streamer.crop import CROP_SIZE
from streamer.errors import GalleryError
from streamer.files import replacing, write_file
from workers.classifier import Calibration, Classifier, Expected
from workers.fitting import ClassifierSpec, fit_classifier
from workers.impostors import Impostors
from workers.nn4 import EMBEDDING_SIZE
from workers.scorers import scorer_from

FORMAT = 2
_PLACE = re.compile(r"(#\d+)?@[\d.]+s$")
_EXTRA_NAME = re.compile(r"[\w-]{1,80}\.(csv|jpg|html|json)")
_MAX_STORED_BYTES = 2**31


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

    def groups(self) -> NDArray[np.int32]:
        """(n,): the same number for crops of one moment, which must not be split in a test.

        A photo is a moment and so is a clip; where one clip is all there is of a person, each
        of its tracks is.
        """
        paths = [_PLACE.sub("", source) for source in self.sources]
        tracks = [_PLACE.sub(r"\1", source) for source in self.sources]
        files: dict[int, set[str]] = {}
        for person, path in zip(self.owner.tolist(), paths, strict=True):
            files.setdefault(person, set()).add(path)
        known: dict[tuple[int, str], int] = {}
        return np.array(
            [
                known.setdefault((person, path if len(files[person]) > 1 else track), len(known))
                for person, path, track in zip(self.owner.tolist(), paths, tracks, strict=True)
            ],
            np.int32,
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
    spec: ClassifierSpec
    parent: str | None = None


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
            people.embeddings, people.owner, impostors, spec, people.groups()
        )
        with self._new_version() as (partial, version, parent):
            _write_version(partial, version, parent, people, weights, classifier, spec)
            for name, content in (extras or {}).items():
                if not _EXTRA_NAME.fullmatch(name):
                    raise ValueError(f"extras must have plain names. Received: {name!r}")
                _write_synced(partial / name, content)
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
                    _write_synced(partial / name, content)
                manifest = {**_manifest(partial), "version": version}
                _write_synced(partial / "manifest.json", _json_bytes(manifest))
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


def _write_version(
    folder: Path,
    version: str,
    parent: str | None,
    people: People,
    weights: str,
    classifier: Classifier,
    spec: ClassifierSpec,
) -> None:
    buffer = io.BytesIO()
    calibration = classifier.calibration
    scorer = {f"scorer_{name}": array for name, array in classifier.scorer.arrays().items()}
    np.savez(
        buffer,
        crops_rgb=people.crops_rgb,
        embeddings=people.embeddings,
        owner=people.owner,
        calibration=np.array(
            [
                calibration.margin,
                calibration.squared_distance,
                calibration.offset,
                classifier.threshold,
            ]
        ),
        **scorer,  # type: ignore[arg-type]
    )
    content = buffer.getvalue()
    manifest = {
        "format": FORMAT,
        "version": version,
        "parent": parent,
        "created_utc": utc_text(time.time_ns()),
        "weights": weights,
        "classifier": asdict(spec),
        "expected": asdict(classifier.expected),
        "people": list(people.names),
        "sources": list(people.sources),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    _write_synced(folder / "arrays.npz", content)
    _write_synced(folder / "manifest.json", _json_bytes(manifest))


def _json_bytes(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=1, ensure_ascii=False).encode()


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
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
            margin, distance, offset, threshold = (float(v) for v in stored["calibration"])
            scorer_arrays = {
                name.removeprefix("scorer_"): stored[name]
                for name in stored.files
                if name.startswith("scorer_")
            }
        _check(folder, people)
        spec = ClassifierSpec(**manifest["classifier"])
        classifier = Classifier(
            scorer_from(spec.kind, scorer_arrays, len(people.names)),
            Calibration(margin, distance, offset),
            people.embeddings,
            people.owner,
            threshold,
            Expected(**manifest["expected"]),
        )
        return Gallery(
            str(manifest["version"]),
            digest[:12],
            str(manifest["weights"]),
            str(manifest["created_utc"]),
            people,
            classifier,
            spec,
            manifest["parent"],
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise GalleryError(f"{folder}: the gallery is damaged: {error}") from error


def _check(folder: Path, people: People) -> None:
    count, persons = len(people.owner), len(people.names)
    shapes = (
        people.crops_rgb.shape == (count, CROP_SIZE, CROP_SIZE, 3)
        and people.embeddings.shape == (count, EMBEDDING_SIZE)
        and len(people.sources) == count
        and set(people.owner.tolist()) == set(range(persons))
    )
    if not shapes or not np.isfinite(people.embeddings).all():
        raise GalleryError(f"{folder}: the gallery's arrays do not fit together")
