"""One version of a gallery as files: a manifest, numbers and pictures.

manifest.json  who is in it, where it comes from, what is expected of it, what is set aside; the
               hashes of the others, and one of its own content, so that an edited name is noticed
numbers.npz    embeddings, labels, sources, classifier: what identification needs
crops.npz      the pictures, which are read and verified only where they are wanted
aside.npz      the pictures of crops that are set aside, where there are some

Format 2, of version 0.1, has one file, `arrays.npz`, for numbers and pictures, and the sources in
the manifest. Reading a version runs nothing that is in it, and refuses what is not whole.
"""

import hashlib
import json
import os
import re
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from streamer.constants import CROP_SIZE, EMBEDDING_SIZE
from streamer.errors import GalleryError
from streamer.files import create_private
from streamer.vision.align import known_alignment
from streamer.wire.timestamps import utc_text
from workers.classifier.classifier import Calibration, Classifier, HoldoutMetrics
from workers.classifier.counter_examples import CounterExamples
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.held_out import HeldOut
from workers.classifier.scorers import scorer_from
from workers.classifier.track_limits import CROPS as CROPS_OF_LIMITS
from workers.classifier.track_limits import TrackLimits
from workers.gallery.aside import SetAside, no_crops, rows_from
from workers.gallery.people import NotThem, People

FORMAT = 3
MANIFEST, NUMBERS, CROPS, ASIDE = "manifest.json", "numbers.npz", "crops.npz", "aside.npz"
_FORMAT_WITH_ONE_FILE, ARRAYS_OF_FORMAT_2 = 2, "arrays.npz"
DAMAGE = (
    OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError, RuntimeError,
    OverflowError, MemoryError, SyntaxError, TokenError, struct.error, zlib.error,
    zipfile.BadZipFile,
)  # fmt: skip
"""What reading a file that was cut off or changed may raise."""


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """One version, loaded and checked.

    `fingerprint` is of the names and numbers. `imported`: it came from another machine.
    """

    version: str
    fingerprint: str
    weights: str
    created_utc: str
    people: People
    classifier: Classifier
    spec: ClassifierSpec
    parent: str | None = None
    imported: bool = False


def write_version(folder: Path, gallery: Gallery, **more: object) -> None:
    """Write a gallery's files; its fingerprint and time are made anew.

    `more` goes into the manifest.
    """
    people, classifier = gallery.people, gallery.classifier
    calibration = classifier.calibration
    numbers: dict[str, NDArray[Any]] = {
        "embeddings": people.embeddings,
        "labels": people.labels,
        "sources": _packed(people.sources),
        "vouched": people.vouched,
        "calibration": np.array(
            [
                calibration.margin,
                calibration.squared_distance,
                calibration.offset,
                classifier.threshold,
            ]
        ),
        **{f"scorer_{name}": array for name, array in classifier.scorer.arrays().items()},
    }
    if classifier.limits is not None:
        numbers["track_limits"] = np.array(classifier.limits.raised)
    if classifier.held_out is not None:
        numbers["held_out_person"] = classifier.held_out.person
        numbers["held_out_probability"] = classifier.held_out.probability
    pictures = {"crops_rgb": people.crops_rgb}
    if len(people.not_them.labels):
        numbers["not_embeddings"] = people.not_them.embeddings
        numbers["not_labels"] = people.not_them.labels
        numbers["not_sources"] = _packed(people.not_them.sources)
        pictures["not_crops_rgb"] = people.not_them.crops_rgb
    hashes = {
        NUMBERS: _write_arrays(folder / NUMBERS, numbers),
        CROPS: _write_arrays(folder / CROPS, pictures),
    }
    if people.aside.rows:
        hashes[ASIDE] = _write_arrays(folder / ASIDE, {"crops_rgb": people.aside.crops_rgb})
    manifest = {
        "format": FORMAT,
        "version": gallery.version,
        "parent": gallery.parent,
        "imported": gallery.imported,
        "created_utc": utc_text(time.time_ns()),
        "weights": gallery.weights,
        "alignment": people.alignment,
        "classifier": asdict(gallery.spec),
        "expected": asdict(classifier.holdout),
        "people": list(people.names),
        "aside": people.aside.listed(),
        "sha256": hashes,
        **more,
    }
    write_manifest(folder, manifest)


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write a manifest, sealed by a hash of its content where its format has one."""
    content = {key: value for key, value in manifest.items() if key != "digest"}
    if content["format"] != _FORMAT_WITH_ONE_FILE:
        content["digest"] = _digest(content)
    text = json.dumps(content, indent=1, ensure_ascii=False)
    write_synced(folder / MANIFEST, text.encode())


def write_synced(path: Path, content: bytes) -> None:
    """Write a file of a version that is not yet there as a whole."""
    with open(path, "wb", opener=create_private) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read and check a version's manifest. Raises GalleryError."""
    try:
        content = (folder / MANIFEST).read_text(encoding="utf-8")
        return parse_manifest(content)
    except DAMAGE as error:
        raise GalleryError(
            f"{folder}: the gallery's manifest is damaged: {_line(error)}"
        ) from error
    except GalleryError as error:
        raise GalleryError(f"{folder}: {error}") from error


def parse_manifest(content: str) -> dict[str, Any]:
    """Return a manifest's content. Raises GalleryError, or one of `DAMAGE`."""
    manifest = dict(json.loads(content))
    if manifest["format"] not in (FORMAT, _FORMAT_WITH_ONE_FILE):
        raise GalleryError(f"its format must be {_FORMAT_WITH_ONE_FILE} or {FORMAT}")
    if manifest["format"] == FORMAT and manifest["digest"] != _digest(
        {key: value for key, value in manifest.items() if key != "digest"}
    ):
        raise GalleryError("the gallery's manifest was changed after it was written")
    names = manifest["people"]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise GalleryError("the names in the gallery's manifest must be different texts")
    return manifest


def read_version(folder: Path, whole: bool = False) -> Gallery:
    """Load one version; its pictures are read when they are wanted.

    With `whole`, they are verified at once. Raises GalleryError for anything that is not whole.
    """
    manifest = read_manifest(folder)
    old = manifest["format"] == _FORMAT_WITH_ONE_FILE
    try:
        names = tuple(manifest["people"])
        hashes = {ARRAYS_OF_FORMAT_2: manifest["sha256"]} if old else manifest["sha256"]
        numbers_name, crops_name = (ARRAYS_OF_FORMAT_2,) * 2 if old else (NUMBERS, CROPS)
        with _verified(folder / numbers_name, hashes[numbers_name]) as file:
            numbers = _read_arrays(file, lambda name: not name.endswith("crops_rgb"))
        sources = tuple(map(str, manifest["sources"])) if old else _unpacked(numbers["sources"])
        labels = numbers["owner" if old else "labels"]
        people = People(
            names=names,
            embeddings=numbers["embeddings"],
            labels=labels,
            sources=sources,
            crops=partial(_read_crops, folder / crops_name, hashes[crops_name], len(labels)),
            alignment=known_alignment(manifest.get("alignment", "square")),
            vouched=numbers.get("vouched", np.zeros(len(labels), np.bool_)),
            aside=_aside(folder, manifest, hashes),
            not_them=_not_them(numbers, folder / crops_name, hashes[crops_name]),
        )
        _check(folder, people)
        if whole:
            _verify_crops(folder / crops_name, hashes[crops_name], len(labels))
            if people.aside.rows:
                _verify_crops(folder / ASIDE, hashes[ASIDE], len(people.aside.rows))
        return Gallery(
            version=str(manifest["version"]),
            fingerprint=hashes[numbers_name][:12]
            if old
            else _digest([names, hashes[NUMBERS]])[:12],
            weights=str(manifest["weights"]),
            created_utc=str(manifest["created_utc"]),
            people=people,
            classifier=_classifier(manifest, numbers, people),
            spec=ClassifierSpec(**manifest["classifier"]),
            parent=manifest["parent"],
            imported=bool(manifest.get("imported")),
        )
    except DAMAGE as error:
        raise GalleryError(f"{folder}: the gallery is damaged: {_line(error)}") from error


def _aside(folder: Path, manifest: Mapping[str, Any], hashes: Mapping[str, str]) -> SetAside:
    rows = rows_from(manifest.get("aside", ()), manifest["people"])
    if not rows:
        return SetAside((), no_crops())
    return SetAside(rows, partial(_read_crops, folder / ASIDE, hashes[ASIDE], len(rows)))


def _classifier(
    manifest: Mapping[str, Any], numbers: Mapping[str, NDArray[Any]], people: People
) -> Classifier:
    margin, distance, offset, threshold = (float(value) for value in numbers["calibration"])
    scorer_arrays = {
        name.removeprefix("scorer_"): array
        for name, array in numbers.items()
        if name.startswith("scorer_")
    }
    classifier = Classifier(
        scorer=scorer_from(manifest["classifier"]["kind"], scorer_arrays, len(people.names)),
        calibration=Calibration(margin, distance, offset),
        gallery=people.embeddings,
        labels=people.labels,
        threshold=threshold,
        holdout=HoldoutMetrics(**manifest["expected"]),
        limits=_track_limits(numbers),
        counter_examples=CounterExamples(people.not_them.embeddings, people.not_them.labels),
        held_out=_held_out(numbers, people),
    )
    # It is tried, and sorts its embeddings, here and not in the loop that will use it.
    classifier.predict(np.eye(1, EMBEDDING_SIZE, dtype=np.float32))
    return classifier


def _track_limits(numbers: Mapping[str, NDArray[Any]]) -> TrackLimits | None:
    """Return the limits for tracks; None in versions that were written before there were any."""
    stored = numbers.get("track_limits")
    if stored is None:
        return None
    if stored.shape != (len(CROPS_OF_LIMITS),) or not np.isfinite(stored).all():
        raise ValueError("its limits for tracks")
    return TrackLimits(raised=tuple(map(float, stored)))


def _held_out(numbers: Mapping[str, NDArray[Any]], people: People) -> HeldOut | None:
    """Return what was said of held-out crops; None in versions from before that was kept."""
    if "held_out_person" not in numbers:
        return None
    said = HeldOut(numbers["held_out_person"], numbers["held_out_probability"])
    known = (said.person >= -1) & (said.person < len(people.names))
    if said.person.shape != people.labels.shape or not known.all():
        raise ValueError("what was said of its held-out crops")
    return said


def _not_them(numbers: Mapping[str, NDArray[Any]], crops: Path, sha256: str) -> NotThem:
    if "not_labels" not in numbers:
        return NotThem()
    labels = numbers["not_labels"]
    return NotThem(
        embeddings=numbers["not_embeddings"],
        labels=labels,
        sources=_unpacked(numbers["not_sources"]),
        crops=partial(_read_crops, crops, sha256, len(labels), "not_crops_rgb"),
    )


def _check(folder: Path, people: People) -> None:
    count, persons = len(people.labels), len(people.names)
    fit = (
        people.embeddings.shape == (count, EMBEDDING_SIZE)
        and people.embeddings.dtype == np.float32
        and people.labels.dtype == np.int32
        and people.vouched.shape == (count,)
        and people.vouched.dtype == np.bool_
        and len(people.sources) == count
        and np.array_equal(np.unique(people.labels), np.arange(persons))
    )
    others = people.not_them
    fit = fit and (
        others.embeddings.shape == (len(others.labels), EMBEDDING_SIZE)
        and others.embeddings.dtype == np.float32
        and others.labels.dtype == np.int32
        and len(others.sources) == len(others.labels)
        and bool(((others.labels >= 0) & (others.labels < persons)).all())
        and bool(np.isfinite(others.embeddings).all())
    )
    if not fit or not np.isfinite(people.embeddings).all():
        raise GalleryError(f"{folder}: the gallery's arrays do not fit together")


def _verify_crops(path: Path, sha256: str, count: int) -> None:
    """Check the pictures without holding them in memory. Raises GalleryError, or one of DAMAGE."""
    with (
        _verified(path, sha256) as file,
        zipfile.ZipFile(file) as archive,
        archive.open("crops_rgb.npy") as member,
    ):
        if np.lib.format.read_magic(member) != (1, 0):
            raise ValueError("the version of the file's arrays")
        shape, _, dtype = np.lib.format.read_array_header_1_0(member)
    if shape != (count, CROP_SIZE, CROP_SIZE, 3) or dtype != np.uint8:
        raise GalleryError(f"{path}: the gallery's pictures do not fit its numbers")


def _read_crops(
    path: Path, sha256: str, count: int, member: str = "crops_rgb"
) -> NDArray[np.uint8]:
    """Read the pictures, (count, 96, 96, 3) uint8. Raises GalleryError where they are damaged."""
    try:
        with _verified(path, sha256) as file:
            crops = _read_arrays(file, lambda name: name == member)[member]
    except DAMAGE as error:
        raise GalleryError(f"{path}: the gallery's pictures are damaged: {_line(error)}") from error
    if crops.shape != (count, CROP_SIZE, CROP_SIZE, 3) or crops.dtype != np.uint8:
        raise GalleryError(f"{path}: the gallery's pictures do not fit its numbers")
    return crops


def _verified(path: Path, sha256: str) -> BinaryIO:
    """Open a file whose content has this hash. Raises GalleryError where it has not."""
    file = path.open("rb")
    try:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise GalleryError(f"{path.parent}: the gallery is damaged: {path.name} was changed")
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _read_arrays(file: BinaryIO, wanted: Callable[[str], bool]) -> dict[str, NDArray[Any]]:
    with np.load(file, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files if wanted(name)}


def _write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Write arrays into a file; its hash."""
    with open(path, "w+b", opener=create_private) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _packed(texts: tuple[str, ...]) -> NDArray[np.uint8]:
    """Put texts without a zero byte, as paths are, into one array, each ended by one."""
    ended = "".join(f"{text}\0" for text in texts)
    return np.frombuffer(ended.encode(errors="surrogateescape"), np.uint8)


def _unpacked(packed: NDArray[np.uint8]) -> tuple[str, ...]:
    """Undo `_packed`, one by one: other threads have their turn meanwhile."""
    ended = packed.tobytes().decode(errors="surrogateescape")
    return tuple(match[1] for match in re.finditer("([^\0]*)\0", ended))


def _digest(content: object) -> str:
    """Hash a content that JSON can hold, however it is laid out."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _line(error: BaseException) -> str:
    """Return what is wrong in one line."""
    return " ".join(f"{type(error).__name__} {error}".split())
