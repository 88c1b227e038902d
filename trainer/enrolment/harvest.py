"""Faces for enrolment and training out of photos, folders and clips, each with its verdict.

Every photo and every looked-at frame of a clip leaves a row: what was found there, how good
it is, and why it was refused if it was. Nothing is silently dropped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import DetectConfig, EnrolConfig, TrackConfig
from streamer.constants import CROP_SIZE
from streamer.errors import PictureError
from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from streamer.vision.detect import HaarDetector, largest, non_maximum_suppression
from streamer.vision.images import read_image, resize_image
from streamer.vision.quality import sharpness
from streamer.vision.track import Tracker
from trainer.support.photos import PHOTO_SUFFIXES
from workers.gallery.people import moment_of, track_of

CLIP_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg"})
_CLIP_STEP_MS = 200.0
_CLIP_WIDTH = 640
_MAX_CROWDED_SHARE = 0.2
_TRACKING = TrackConfig(confirm_frames=1, min_iou=0.1)
_FULL_QUALITY_PX = 96.0
_FULL_QUALITY_SHARPNESS = 0.05


@dataclass(frozen=True)
class Face:
    """One row: a photo, or a frame of a clip as `clip.mp4#TRACK@SECONDSs`.

    crop_rgb (96, 96, 3) uint8: the face, or the whole picture made small where none was found.
    face_px: width in the picture. brightness: mean of the crop, 0 to 1. refused: why, or "".
    """

    source: str
    crop_rgb: NDArray[np.uint8]
    face_px: float = 0.0
    sharpness: float = 0.0
    brightness: float = 0.0
    refused: str = ""

    @property
    def moment(self) -> str:
        """The file it came from: what must not be on both sides of a test."""
        return moment_of(self.source)

    @property
    def track(self) -> str:
        """The file, and the track where it is a clip."""
        return track_of(self.source)

    @property
    def quality(self) -> float:
        """0 to 1 by size, sharpness and light."""
        light = 1.0 - min(1.0, abs(self.brightness - 0.5) / 0.5)
        return float(
            min(1.0, self.face_px / _FULL_QUALITY_PX)
            * min(1.0, self.sharpness / _FULL_QUALITY_SHARPNESS)
            * (0.5 + 0.5 * light)
        )


@dataclass
class Harvest:
    """All rows; `refused_files` are those that could not be looked into, with the reason."""

    faces: list[Face] = field(default_factory=list)
    refused_files: list[tuple[str, str]] = field(default_factory=list)

    @property
    def usable(self) -> list[Face]:
        """The rows that were not refused."""
        return [face for face in self.faces if not face.refused]

    @property
    def refused(self) -> list[tuple[str, str]]:
        """What was refused and why; frames of a clip with the same reason are counted."""
        counted: dict[tuple[str, str], int] = {}
        for face in self.faces:
            if face.refused:
                key = (face.moment, face.refused)
                counted[key] = counted.get(key, 0) + 1
        clips = {face.moment for face in self.faces if face.moment != face.source}
        return self.refused_files + [
            (f"{where} ({count} frames)" if where in clips else where, why)
            for (where, why), count in counted.items()
        ]


def harvest(
    paths: Sequence[Path],
    rules: EnrolConfig,
    detect: DetectConfig,
    on_progress: Callable[[Path], None] = lambda path: None,
) -> Harvest:
    """Every face in photos, folders (with what is below them) and clips of one person."""
    finder = _FaceFinder(rules, detect)
    result = Harvest()
    for path in media_below(paths, result):
        on_progress(path)
        try:
            if path.suffix.lower() in CLIP_SUFFIXES:
                result.faces += finder.from_clip(path)
            else:
                result.faces.append(finder.from_photo(path))
        except PictureError as error:
            result.refused_files.append((str(path), str(error)))
    return result


def media_below(paths: Sequence[Path], result: Harvest) -> list[Path]:
    """The photos and clips of some paths; what is none is noted in `result`."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(
                p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")
            )
            known = [p for p in inside if p.suffix.lower() in PHOTO_SUFFIXES | CLIP_SUFFIXES]
            if not known:
                result.refused_files.append((str(path), "the folder has no photo and no clip"))
            files += known
        elif path.is_file():
            files.append(path)
        else:
            result.refused_files.append((str(path), "no such file"))
    return files


class _FaceFinder:
    def __init__(self, rules: EnrolConfig, detect: DetectConfig) -> None:
        self._rules = rules
        smallest = max(20, rules.min_face // 2)
        self._detector = HaarDetector(detect.cascade, 0, 1.1, detect.neighbours, smallest)
        self._clips = HaarDetector(detect.cascade, _CLIP_WIDTH, 1.1, detect.neighbours, smallest)

    def from_photo(self, path: Path) -> Face:
        image = read_image(path)
        if image is None:
            raise PictureError("cannot be read as a picture")
        boxes = non_maximum_suppression(self._detector.detect(image))
        several = f"has {len(boxes)} faces; cut it to one person" if len(boxes) > 1 else ""
        return self._face(str(path), image, largest(boxes), several)

    def from_clip(self, path: Path) -> list[Face]:
        capture = cv2.VideoCapture(str(path))
        try:
            if not capture.isOpened():
                raise PictureError("cannot be read as a clip")
            fps = capture.get(cv2.CAP_PROP_FPS) or 30.0
            faces = self._from_frames(path, capture, fps)
        finally:
            capture.release()
        if not faces:
            raise PictureError("no frame of it could be read")
        return faces

    def _from_frames(self, path: Path, capture: cv2.VideoCapture, fps: float) -> list[Face]:
        step = max(1, round(fps * _CLIP_STEP_MS / 1000))
        tracker = Tracker(_TRACKING)
        faces: list[Face] = []
        with_face = crowded = index = 0
        while capture.grab():
            index += 1
            if (index - 1) % step:
                continue
            good, retrieved = capture.retrieve()
            if not good:
                continue
            image = np.asarray(retrieved, np.uint8)
            boxes = non_maximum_suppression(self._clips.detect(image))
            with_face += bool(boxes)
            crowded += len(boxes) > 1
            seconds = (index - 1) / fps
            tracks = [t for t in tracker.update(boxes, seconds * 1000) if t.found]
            several = "other faces beside it" if len(tracks) > 1 else ""
            for track in tracks:
                where = f"{path}#{track.number}@{seconds:.2f}s"
                faces.append(self._face(where, image, track.box, several))
            if not tracks:
                faces.append(self._face(f"{path}@{seconds:.2f}s", image, None))
        if with_face and crowded / with_face > _MAX_CROWDED_SHARE:
            why = f"the clip shows several faces in {crowded} of {with_face} frames; cut it to one"
            return [replace(face, refused=why) for face in faces]
        return faces

    def _face(
        self, source: str, image: NDArray[np.uint8], box: Box | None, refused: str = ""
    ) -> Face:
        if box is None:
            return Face(source, _made_small(image), refused="no face was found")
        crop = cut_crop(image, box)
        face = Face(source, crop, box.width, sharpness(crop), float(crop.mean()) / 255, refused)
        return face if refused else replace(face, refused=self._fault(face))

    def _fault(self, face: Face) -> str:
        rules = self._rules
        if face.face_px < rules.min_face:
            return (
                f"the face is too small: {face.face_px:.0f} px wide, at least "
                f"{rules.min_face} are wanted (enrol.min_face)"
            )
        if face.sharpness < rules.min_sharpness:
            return (
                f"the face is blurred: sharpness {face.sharpness:.3f}, at least "
                f"{rules.min_sharpness} is wanted (enrol.min_sharpness)"
            )
        if not rules.min_brightness <= face.brightness <= rules.max_brightness:
            return (
                f"the face is too {'dark' if face.brightness < 0.5 else 'bright'}: brightness "
                f"{face.brightness:.2f}, wanted are {rules.min_brightness} to "
                f"{rules.max_brightness} (enrol.min_brightness, max_brightness)"
            )
        return ""


def _made_small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    factor = CROP_SIZE / max(height, width)
    small = resize_image(image, max(1, round(width * factor)), max(1, round(height * factor)))
    canvas = np.zeros((CROP_SIZE, CROP_SIZE, 3), np.uint8)
    canvas[: small.shape[0], : small.shape[1]] = small[:, :, ::-1]
    return canvas
