"""One version of a gallery as files: `manifest.json` and `arrays.npz`, plain numbers only.

Reading a version runs nothing that is in it, and refuses what is not whole.
"""

import hashlib
import io
import json
import os
import time
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from streamer.constants import CROP_SIZE, EMBEDDING_SIZE
from streamer.errors import GalleryError
from streamer.wire.timestamps import utc_text
from workers.classifier.classifier import Calibration, Classifier, HoldoutMetrics
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.scorers import scorer_from
from workers.gallery.people import People

FORMAT = 2


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


def write_version(
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
        owner=people.labels,
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
        "expected": asdict(classifier.holdout),
        "people": list(people.names),
        "sources": list(people.sources),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    write_synced(folder / "arrays.npz", content)
    write_synced(folder / "manifest.json", json_bytes(manifest))


def json_bytes(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=1, ensure_ascii=False).encode()


def write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT or not isinstance(manifest["people"], list):
            raise GalleryError(f"{folder}: its format must be {FORMAT}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GalleryError(f"{folder}: the gallery's manifest is damaged: {error}") from error
    return dict(manifest)


def read_version(folder: Path) -> Gallery:
    """Load one version. Raises GalleryError for anything that is not whole."""
    manifest = read_manifest(folder)
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
            people.labels,
            threshold,
            HoldoutMetrics(**manifest["expected"]),
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
    count, persons = len(people.labels), len(people.names)
    shapes = (
        people.crops_rgb.shape == (count, CROP_SIZE, CROP_SIZE, 3)
        and people.embeddings.shape == (count, EMBEDDING_SIZE)
        and len(people.sources) == count
        and set(people.labels.tolist()) == set(range(persons))
    )
    if not shapes or not np.isfinite(people.embeddings).all():
        raise GalleryError(f"{folder}: the gallery's arrays do not fit together")
