"""Names in pictures and clips on disk, by the gallery in use: labelled copies, crops, a table.

A picture's faces are judged one by one. A clip's faces are followed as in live video, and
named by the votes of their crops; a clip has a row for each face that was followed.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import Config
from streamer.errors import DatasetError, PictureError
from streamer.files import replacing, write_file
from streamer.view.annotate import Label, annotate
from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from streamer.vision.detect import HaarDetector, non_maximum_suppression
from streamer.vision.images import encode_image
from streamer.vision.track import Tracker
from trainer.enrolment.harvest import CLIP_SUFFIXES
from trainer.offline.faces import faces_in, picture_detector
from trainer.support.photos import PHOTO_SUFFIXES
from workers.embedding.embedder import Embedder
from workers.gallery.version import Gallery
from workers.identity.vote import Vote

_CROP_STEP_MS = 200.0


@dataclass(frozen=True)
class FileRow:
    """One face of a picture, or one followed face of a clip; or a file without a face.

    outcome: "named", "unknown", "no face" or "unreadable". box_xywh: in pixels; of a clip, where
    the face was first. first_s, last_s: in the clip; None for pictures.
    """

    file: str
    face: int
    outcome: str
    identity: str | None = None
    probability: float | None = None
    squared_distance: float | None = None
    box_xywh: tuple[int, int, int, int] | None = None
    first_s: float | None = None
    last_s: float | None = None


def plan_files(paths: Sequence[Path]) -> dict[Path, Path]:
    """Pictures and clips below the paths, each with a name of its own for what is written of it.

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

    def __init__(self, config: Config, embedder: Embedder, gallery: Gallery, out: Path) -> None:
        self._config, self._embedder, self._gallery, self._out = config, embedder, gallery, out
        self._pictures = picture_detector(config.detect)
        detect = config.detect
        self._clips = HaarDetector(
            detect.cascade,
            detect.detect_width,
            detect.scale_factor,
            detect.neighbours,
            detect.min_face,
        )

    def identify(self, path: Path, place: Path) -> list[FileRow]:
        """Return the rows of one file."""
        try:
            if path.suffix.lower() in CLIP_SUFFIXES:
                return self._clip(path, place)
            return self._picture(path, place)
        except PictureError:
            return [FileRow(str(path), 0, "unreadable")]

    def _picture(self, path: Path, place: Path) -> list[FileRow]:
        image, faces = faces_in(path, self._pictures)
        rows, labels = [], []
        crops = [face.crop_rgb for face in faces]
        predictions = self._predict(crops)
        for number, (face, (name, chance, distance)) in enumerate(
            zip(faces, predictions, strict=True), start=1
        ):
            box = face.box.rounded()
            outcome = "unknown" if name is None else "named"
            rows.append(FileRow(str(path), number, outcome, name, chance, distance, box))
            labels.append(Label(box, name, None, chance, True))
            self._write_crop(place, number, face.crop_rgb)
        annotate(image, labels)
        self._write(place.with_suffix(".jpg"), encode_image(image, ".jpg", 92))
        return rows or [FileRow(str(path), 0, "no face")]

    def _clip(self, path: Path, place: Path) -> list[FileRow]:
        capture = cv2.VideoCapture(str(path))
        try:
            if not capture.isOpened():
                raise PictureError(f"{path}: cannot be read as a clip")
            fps = capture.get(cv2.CAP_PROP_FPS) or 30.0
            size = (
                int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
                int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            )
            target = self._out / "labelled" / place.with_suffix(".mp4")
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as partial:
                fourcc = cv2.VideoWriter.fourcc(*"mp4v")
                writer = cv2.VideoWriter(str(partial), fourcc, fps, size)
                try:
                    seen = self._follow(capture, fps, writer, place)
                finally:
                    writer.release()
        finally:
            capture.release()
        rows = [seen[number].row(str(path), number) for number in sorted(seen)]
        return rows or [FileRow(str(path), 0, "no face")]

    def _follow(
        self, capture: cv2.VideoCapture, fps: float, writer: cv2.VideoWriter, place: Path
    ) -> "dict[int, _Followed]":
        tracker, config = Tracker(self._config.track), self._config.identify
        seen: dict[int, _Followed] = {}
        index = 0
        while True:
            good, read = capture.read()
            if not good:
                return seen
            image, seconds = np.asarray(read, np.uint8), index / fps
            boxes = non_maximum_suppression(self._clips.detect(image))
            tracks = [t for t in tracker.update(boxes, seconds * 1000) if t.found]
            due = []
            for track in tracks:
                face = seen.get(track.number)
                if face is None:
                    face = _Followed(
                        Vote(config.min_votes, config.switch_margin), track.box, seconds
                    )
                    seen[track.number] = face
                    self._write_crop(place, track.number, cut_crop(image, track.box))
                face.last_s = seconds
                if seconds * 1000 - face.judged_ms >= _CROP_STEP_MS:
                    face.judged_ms = seconds * 1000
                    due.append(track)
            predictions = self._predict([cut_crop(image, track.box) for track in due])
            for track, prediction in zip(due, predictions, strict=True):
                seen[track.number].take(*prediction)
            annotate(image, [seen[t.number].label(t.box) for t in tracks])
            writer.write(image)
            index += 1

    def _predict(self, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str | None, float, float]]:
        if not crops:
            return []
        names = self._gallery.people.names
        return [
            (None if v.person is None else names[v.person], v.probability, v.squared_distance)
            for v in self._gallery.classifier.predict(self._embedder.embed(np.stack(crops)))
        ]

    def _write_crop(self, place: Path, number: int, crop_rgb: NDArray[np.uint8]) -> None:
        name = f"{place.name}-{number}.png"
        target = self._out / "crops" / place.parent / name
        target.parent.mkdir(parents=True, exist_ok=True)
        bgr = np.ascontiguousarray(crop_rgb[:, :, ::-1])
        write_file(target, encode_image(bgr, ".png"))

    def _write(self, place: Path, content: bytes) -> None:
        target = self._out / "labelled" / place
        target.parent.mkdir(parents=True, exist_ok=True)
        write_file(target, content)


@dataclass
class _Followed:
    vote: Vote
    first_box: Box
    first_s: float
    last_s: float = 0.0
    judged_ms: float = -_CROP_STEP_MS
    squared_distance: float = field(default=4.0)

    def take(self, name: str | None, probability: float, squared_distance: float) -> None:
        chance = probability if name is not None else 1.0 - probability
        self.vote.add(name, chance, 1.0)
        self.squared_distance = squared_distance

    def label(self, box: Box) -> Label:
        vote = self.vote
        return Label(box.rounded(), vote.identity, None, vote.probability, vote.decided)

    def row(self, file: str, number: int) -> FileRow:
        vote = self.vote
        return FileRow(
            file,
            number,
            "unknown" if vote.identity is None else "named",
            vote.identity,
            vote.probability,
            self.squared_distance,
            self.first_box.rounded(),
            round(self.first_s, 3),
            round(self.last_s, 3),
        )


def identify_files(
    plan: dict[Path, Path],
    identifier: FileIdentifier,
    out: Path,
    run: str,
    on_file: Callable[[], None],
) -> list[FileRow]:
    """Every file of the plan; what an earlier run with the same `run` has done is not done again.

    Writes predictions.csv and predictions.json below `out` at the end.
    """
    out.mkdir(parents=True, exist_ok=True)
    journal = out / "unfinished.jsonl"
    done = _read_journal(journal, run)
    rows: list[FileRow] = []
    with journal.open("a" if done else "w", encoding="utf-8") as file:
        if not done:
            file.write(json.dumps(run) + "\n")
        for path, place in plan.items():
            stamp = f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}"
            if stamp not in done:
                done[stamp] = identifier.identify(path, place)
                own = [asdict(row) for row in done[stamp]]
                file.write("\n" + json.dumps([stamp, own]) + "\n")
                file.flush()
                os.fsync(file.fileno())
            rows += done[stamp]
            on_file()
    write_file(out / "predictions.csv", _csv(rows))
    text = json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False)
    write_file(out / "predictions.json", text.encode() + b"\n")
    journal.unlink()
    return rows


def _read_journal(path: Path, run: str) -> dict[str, list[FileRow]]:
    try:
        first, *lines = path.read_text(encoding="utf-8").splitlines()
        if json.loads(first) != run:
            return {}
    except (OSError, ValueError):
        return {}
    done = {}
    for line in lines:
        try:
            stamp, rows = json.loads(line)
            done[stamp] = [
                FileRow(**{**row, "box_xywh": row["box_xywh"] and tuple(row["box_xywh"])})
                for row in rows
            ]
        except (ValueError, TypeError):
            continue  # an empty line, or the one that was being written at a kill
    return done


def _csv(rows: Sequence[FileRow]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            "file", "face", "outcome", "identity", "probability", "squared_distance",
            "x", "y", "width", "height", "first_s", "last_s",
        ]
    )  # fmt: skip
    for row in rows:
        chance = "" if row.probability is None else f"{row.probability:.4f}"
        apart = "" if row.squared_distance is None else f"{row.squared_distance:.4f}"
        box = row.box_xywh or ("", "", "", "")
        writer.writerow(
            [
                row.file, row.face or "", row.outcome, row.identity or "", chance, apart,
                *box, "" if row.first_s is None else row.first_s,
                "" if row.last_s is None else row.last_s,
            ]
        )  # fmt: skip
    return text.getvalue().encode()


def _is_media(path: Path) -> bool:
    return path.suffix.lower() in PHOTO_SUFFIXES | CLIP_SUFFIXES
