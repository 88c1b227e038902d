"""Enrolment: usable crops of one person from photos, folders and clips."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.boxes import Box
from streamer.config import DetectConfig, EnrolConfig
from streamer.crop import cut_crop, sharpness
from streamer.detect import HaarDetector, without_doubles
from streamer.errors import GalleryError, PictureError
from streamer.images import read_image
from trainer.photos import PHOTO_SUFFIXES
from workers.embed import Embedder
from workers.fitting import ClassifierSpec
from workers.gallery import Gallery, GalleryStore, People
from workers.impostors import Impostors

CLIP_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg"})
MAX_NAME = 64
_CLIP_STEP_MS = 200.0
_MAX_CROWDED_SHARE = 0.2
_SAME_MOMENT_SQUARED_DISTANCE = 0.002
_BATCH = 32


@dataclass
class Harvest:
    """What was taken, and what was refused and why."""

    crops_rgb: list[NDArray[np.uint8]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def check_name(name: str) -> str:
    """A person's name, in Unicode's composed form. Raises GalleryError."""
    name = unicodedata.normalize("NFC", name).strip()
    printable = all(not unicodedata.category(letter).startswith("C") for letter in name)
    if not 1 <= len(name) <= MAX_NAME or not printable:
        raise GalleryError(
            f"a name must have 1 to {MAX_NAME} printable characters. Received: {name[:80]!r}"
        )
    return name


def harvest(
    paths: Sequence[Path],
    rules: EnrolConfig,
    detect: DetectConfig,
    on_progress: Callable[[Path], None] = lambda path: None,
) -> Harvest:
    """Every usable face in photos, folders (with what is below them) and clips."""
    finder = _FaceFinder(rules, detect)
    result = Harvest()
    for path in _expand(paths, result):
        on_progress(path)
        try:
            if path.suffix.lower() in CLIP_SUFFIXES:
                finder.from_clip(path, result)
            else:
                result.crops_rgb.append(finder.from_photo(path))
                result.sources.append(str(path))
        except PictureError as error:
            result.refused.append((str(path), str(error)))
    return result


class _FaceFinder:
    def __init__(self, rules: EnrolConfig, detect: DetectConfig) -> None:
        self._rules = rules
        self._detector = HaarDetector(
            detect.cascade, 0, 1.1, detect.neighbours, max(20, rules.min_face // 2)
        )
        self._clip_detector = HaarDetector(
            detect.cascade, 640, 1.1, detect.neighbours, max(20, rules.min_face // 2)
        )

    def from_photo(self, path: Path) -> NDArray[np.uint8]:
        image = read_image(path)
        if image is None:
            raise PictureError("cannot be read as a picture")
        boxes = without_doubles(self._detector.detect(image))
        return self._only_face(image, boxes)

    def from_clip(self, path: Path, result: Harvest) -> None:
        capture = cv2.VideoCapture(str(path))
        try:
            if not capture.isOpened():
                raise PictureError("cannot be read as a clip")
            fps = capture.get(cv2.CAP_PROP_FPS) or 30.0
            self._from_frames(path, capture, max(1, round(fps * _CLIP_STEP_MS / 1000)), fps, result)
        finally:
            capture.release()

    def _from_frames(
        self, path: Path, capture: cv2.VideoCapture, step: int, fps: float, result: Harvest
    ) -> None:
        crops: list[NDArray[np.uint8]] = []
        sources: list[str] = []
        reasons: dict[str, int] = {}
        with_face = crowded = index = 0
        while capture.grab():
            index += 1
            if (index - 1) % step:
                continue
            good, retrieved = capture.retrieve()
            if not good:
                continue
            image = np.asarray(retrieved, np.uint8)
            boxes = without_doubles(self._clip_detector.detect(image))
            with_face += bool(boxes)
            crowded += len(boxes) > 1
            try:
                crops.append(self._only_face(image, boxes))
                sources.append(f"{path}@{(index - 1) / fps:.2f}s")
            except PictureError as error:
                reasons[str(error)] = reasons.get(str(error), 0) + 1
        if with_face and crowded / with_face > _MAX_CROWDED_SHARE:
            raise PictureError(
                f"shows several faces in {crowded} of {with_face} frames; cut it to one person"
            )
        if not crops:
            most = max(reasons, key=lambda reason: reasons[reason], default="has no frames")
            raise PictureError(f"no frame can be used; most often: {most}")
        result.crops_rgb += crops
        result.sources += sources
        for reason, count in reasons.items():
            result.refused.append((f"{path} ({count} frames)", reason))

    def _only_face(self, image: NDArray[np.uint8], boxes: list[Box]) -> NDArray[np.uint8]:
        if not boxes:
            raise PictureError("no face was found")
        if len(boxes) > 1:
            raise PictureError(f"has {len(boxes)} faces; cut it to one person")
        if boxes[0].width < self._rules.min_face:
            raise PictureError(
                f"the face is too small: {boxes[0].width:.0f} px wide, at least "
                f"{self._rules.min_face} are wanted (enrol.min_face)"
            )
        crop = cut_crop(image, boxes[0])
        sharp = sharpness(crop)
        if sharp < self._rules.min_sharpness:
            raise PictureError(
                f"the face is blurred: sharpness {sharp:.3f}, at least "
                f"{self._rules.min_sharpness} is wanted (enrol.min_sharpness)"
            )
        return crop


def enrol(
    store: GalleryStore,
    name: str,
    found: Harvest,
    embedder: Embedder,
    impostors: Impostors,
    rules: EnrolConfig,
    spec: ClassifierSpec,
    force: bool = False,
) -> tuple[Gallery, int]:
    """Add a person's crops to the gallery as its next version; that, and how many were new.

    Raises GalleryError where nothing is new, or the person looks like another who is enrolled.
    """
    vectors = embed_all(np.stack(found.crops_rgb), embedder)
    with store.lock():
        current = store.load(embedder.fingerprint)
        people = current.people if current else People.nobody()
        if current is not None and not force:
            _refuse_double(name, vectors, current)
        own = (
            people.embeddings[people.owner == people.names.index(name)]
            if (name in people.names)
            else people.embeddings[:0]
        )
        chosen = varied(vectors, own, rules.max_crops)
        if not chosen:
            raise GalleryError(f"nothing new: {name} is already enrolled with these pictures")
        people = people.with_person(
            name,
            np.stack([found.crops_rgb[index] for index in chosen]),
            vectors[chosen],
            [found.sources[index] for index in chosen],
        )
        gallery = store.save(people, embedder.fingerprint, impostors, spec)
    return gallery, len(chosen)


def embed_all(crops_rgb: NDArray[np.uint8], embedder: Embedder) -> NDArray[np.float32]:
    """Embeddings of any number of crops, in batches: (n, 128)."""
    batches = range(0, len(crops_rgb), _BATCH)
    parts = [embedder.embed(crops_rgb[start : start + _BATCH]) for start in batches]
    return np.concatenate(parts) if parts else np.empty((0, 128), np.float32)


def varied(vectors: NDArray[np.float32], own: NDArray[np.float32], limit: int) -> list[int]:
    """Indexes of at most `limit` rows, each unlike the others and unlike `own` rows.

    Farthest first, so that a long clip gives its variety and not its length.
    """
    apart = np.full(len(vectors), 4.0)
    if len(own):
        apart = np.clip(2 - 2 * vectors @ own.T, 0, 4).min(axis=1)
    chosen: list[int] = []
    while len(chosen) < min(limit, len(vectors)):
        index = int(apart.argmax())
        if apart[index] < _SAME_MOMENT_SQUARED_DISTANCE:
            break
        chosen.append(index)
        apart = np.minimum(apart, np.clip(2 - 2 * vectors @ vectors[index], 0, 4))
        apart[index] = 0.0
    return chosen


def _refuse_double(name: str, vectors: NDArray[np.float32], current: Gallery) -> None:
    verdicts = current.classifier.judge(vectors)
    names = [current.people.names[v.person] for v in verdicts if v.person is not None]
    for other in set(names) - {name}:
        if names.count(other) > len(vectors) / 2:
            raise GalleryError(
                f"these pictures look like {other}, who is enrolled; give them that name, or "
                f"use --force if it is another person"
            )


def _expand(paths: Sequence[Path], result: Harvest) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(
                p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")
            )
            known = [p for p in inside if p.suffix.lower() in PHOTO_SUFFIXES | CLIP_SUFFIXES]
            if not known:
                result.refused.append((str(path), "the folder has no photo and no clip"))
            files += known
        elif path.is_file():
            files.append(path)
        else:
            result.refused.append((str(path), "no such file"))
    return files
