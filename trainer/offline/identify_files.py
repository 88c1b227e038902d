"""Names in pictures and clips on disk, by the gallery in use: labelled copies, crops, a table.

A picture's faces are judged one by one. A clip's faces are followed and named as in live video;
a clip has a row for each face that was followed.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.capture.sources import Picture, VideoSource
from streamer.config.sections import Config
from streamer.errors import DatasetError, PictureError, SourceError
from streamer.files import replacing, write_file
from streamer.view.annotate import Label, annotate
from streamer.vision.files import CONVERT_SUFFIXES, PHOTO_SUFFIXES
from streamer.vision.images import encode_image
from trainer.enrolment.faces import faces_in, picture_detector
from trainer.enrolment.harvest import CLIP_SUFFIXES
from trainer.offline.clip_namer import ClipNamer
from trainer.offline.predictions import FileRow, Journal, write_tables
from workers.embedding.embedder import Embedder
from workers.gallery.version import Gallery
from workers.identity.face import Likeness

_READ_TIMEOUT_MS = 10_000


def plan_files(paths: Sequence[Path]) -> dict[Path, Path]:
    """List pictures and clips below the paths, each with a name of its own for what is written.

    Raises DatasetError for a path that is not there or holds neither.
    """
    plan: dict[Path, Path] = {}
    taken: set[Path] = set()
    for root in paths:
        if root.is_dir():
            known = sorted(p for p in root.rglob("*") if _is_media(p) and p.is_file())
            places = {p: Path(root.resolve().name) / p.relative_to(root) for p in known}
        elif root.is_file() and _is_media(root):
            places = {root: Path(root.name)}
        else:
            places = {}
        if not places:
            raise DatasetError(f"{root}: must be a picture, a clip, or a folder with some")
        for path, place in places.items():
            free, number = place, 2
            while free in taken:
                free = place.with_name(f"{place.stem}-{number}{place.suffix}")
                number += 1
            taken.add(free)
            plan.setdefault(path, free)
    return plan


class FileIdentifier:
    """Names the faces of one file after another, and writes its copies below `out`."""

    def __init__(
        self,
        config: Config,
        embedder: Embedder,
        gallery: Gallery,
        likeness: Likeness,
        out: Path,
    ) -> None:
        self._config, self._embedder, self._gallery, self._out = config, embedder, gallery, out
        self._likeness = likeness
        self._names = gallery.people.names
        self._pictures = picture_detector(config.detect)
        self.faults: dict[str, str] = {}
        """Why files could not be read, by file."""

    def identify(self, path: Path, place: Path) -> list[FileRow]:
        """Name the faces of one file; return its rows."""
        try:
            if path.suffix.lower() in CLIP_SUFFIXES:
                rows = self._clip(path, place)
            else:
                rows = self._picture(path, place)
        except PictureError as error:
            self.faults[str(path)] = str(error).removeprefix(f"{path}: ")
            return [FileRow(file=str(path), face=0, outcome="unreadable")]
        return rows or [FileRow(file=str(path), face=0, outcome="no face")]

    def _picture(self, path: Path, place: Path) -> list[FileRow]:
        image, faces = faces_in(path, self._pictures, self._embedder.alignment)
        rows, labels = [], []
        crops = [face.crop_rgb for face in faces]
        predictions = self._gallery.classifier.predict(self._embed(crops)) if crops else []
        for number, (face, found) in enumerate(zip(faces, predictions, strict=True), start=1):
            box = face.box.rounded()
            name = None if found.person is None else self._names[found.person]
            rows.append(
                FileRow(
                    file=str(path),
                    face=number,
                    outcome="unknown" if name is None else "named",
                    identity=name,
                    probability=found.probability,
                    squared_distance=found.squared_distance,
                    box_xywh=box,
                )
            )
            labels.append(Label(box, name, None, found.probability, True))
            self._write_crop(place, number, face.crop_rgb)
        annotate(image, labels)
        target = self._out / "labelled" / place.with_suffix(".jpg")
        target.parent.mkdir(parents=True, exist_ok=True)
        write_file(target, encode_image(image, ".jpg", 92))
        return rows

    def _clip(self, path: Path, place: Path) -> list[FileRow]:
        try:
            clip = VideoSource(str(path), live=False, read_timeout_ms=_READ_TIMEOUT_MS)
        except SourceError as error:
            raise PictureError(f"{path}: cannot be read as a clip") from error
        try:
            first = clip.read()
            if first is None:
                raise PictureError(f"{path}: no frame of it can be read")
            namer = ClipNamer(
                self._config,
                embed=self._embed,
                judge=self._gallery.classifier.predict,
                names=self._names,
                alignment=self._embedder.alignment,
                likeness=self._likeness,
            )
            target = self._out / "labelled" / place.with_suffix(".mp4")
            target.parent.mkdir(parents=True, exist_ok=True)
            height, width = first.image_bgr.shape[:2]
            with replacing(target) as partial:
                fourcc = cv2.VideoWriter.fourcc(*"mp4v")
                writer = cv2.VideoWriter(str(partial), fourcc, clip.fps, (width, height))
                try:
                    picture: Picture | None = first
                    while picture is not None:
                        labels = namer.take(picture.image_bgr, picture.media_ms or 0.0)
                        annotate(picture.image_bgr, labels)
                        writer.write(picture.image_bgr)
                        picture = clip.read()
                finally:
                    writer.release()
        finally:
            clip.close()
        for number, face in namer.faces.items():
            self._write_crop(place, number, face.best.crop_rgb)
        return [namer.faces[number].row(str(path), number) for number in sorted(namer.faces)]

    def _embed(self, crops_rgb: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        return self._embedder.embed(np.stack(crops_rgb))

    def _write_crop(self, place: Path, number: int, crop_rgb: NDArray[np.uint8]) -> None:
        target = self._out / "crops" / place.parent / f"{place.name}-{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        bgr = np.ascontiguousarray(crop_rgb[:, :, ::-1])
        write_file(target, encode_image(bgr, ".png"))


def identify_files(
    plan: dict[Path, Path],
    identifier: FileIdentifier,
    out: Path,
    run: str,
    on_file: Callable[[], None],
) -> list[FileRow]:
    """Name the faces of every file of the plan, and write the tables below `out` at the end.

    What an earlier run with the same `run` has done is not done again. `on_file()` is called
    after each file, and may raise to stop.
    """
    journal = Journal(out / "unfinished.jsonl", run)
    rows: list[FileRow] = []
    for path, place in plan.items():
        found = journal.rows(path)
        if found is None:
            found = identifier.identify(path, place)
            journal.add(path, found)
        rows += found
        on_file()
    write_tables(out, rows)
    journal.close()
    return rows


def _is_media(path: Path) -> bool:
    return path.suffix.lower() in PHOTO_SUFFIXES | CLIP_SUFFIXES | CONVERT_SUFFIXES
