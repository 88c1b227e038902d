"""Harvest faces for enrolment and training from photos, folders and clips.

Every photo and every looked-at frame of a clip leaves a row: what was found there, how good
it is, and why it was refused if it was. Nothing is silently dropped.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.capture.sources import VideoSource
from streamer.config.sections import DetectConfig, EnrolConfig, TrackConfig
from streamer.constants import CROP_SIZE
from streamer.errors import PictureError, SourceError
from streamer.tracking.follow import FaceFollower
from streamer.vision.align import Alignment, Pose
from streamer.vision.faces import DetectedFace, FaceDetector
from streamer.vision.files import CONVERT_SUFFIXES, PHOTO_SUFFIXES, read_picture
from streamer.vision.images import resize_image
from streamer.vision.portrait import PortraitDetector
from streamer.vision.quality import MeasuredCrop, measure_crop
from trainer.enrolment.rows import Face, Harvest
from workers.gallery.crop_source import CropSource

CLIP_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg"})
_LOOKED_AT = PHOTO_SUFFIXES | CLIP_SUFFIXES | CONVERT_SUFFIXES
_CLIP_STEP_MS = 200.0
_CLIP_WIDTH = 640
_SCALE_FACTOR = 1.1
_MAX_CROWDED_SHARE = 0.2
# A face moves further in a step than in a frame of live video.
_TRACKING = TrackConfig(confirm_frames=1, min_iou=0.1)
_READ_TIMEOUT_MS = 10_000
# Of 60 LFW faces made 40 px wide, 59 are as sure.
_SURE, _SURE_MISFIT = 0.975, 0.2


def harvest(
    paths: Sequence[Path],
    rules: EnrolConfig,
    detect: DetectConfig,
    alignment: Alignment,
    on_progress: Callable[[Path], None] = lambda path: None,
) -> Harvest:
    """Collect every face in photos, folders (with what is below them) and clips of one person."""
    finder = _FaceFinder(rules, detect, alignment)
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
    """List the photos and clips of some paths; note in `result` the paths that have none."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(
                p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")
            )
            known = [p for p in inside if p.suffix.lower() in _LOOKED_AT]
            if not known:
                result.refused_files.append((str(path), "the folder has no photo and no clip"))
            files += known
        elif path.is_file():
            files.append(path)
        else:
            result.refused_files.append((str(path), "no such file"))
    return files


class _FaceFinder:
    """Finer searches than live video can afford, and for faces down to half the size wanted."""

    def __init__(self, rules: EnrolConfig, detect: DetectConfig, alignment: Alignment) -> None:
        self._rules = rules
        self._alignment = alignment
        photos = DetectConfig(
            cascade=detect.cascade,
            detect_width=0,
            scale_factor=_SCALE_FACTOR,
            neighbours=detect.neighbours,
            min_face=max(20, rules.min_face // 2),
            search_interval_ms=0,
            min_confidence=detect.min_confidence,
        )
        self._clips = photos.model_copy(update={"detect_width": _CLIP_WIDTH})
        self._detector = PortraitDetector(FaceDetector.of(photos))

    def from_photo(self, path: Path) -> Face:
        image = read_picture(path)
        faces = self._detector.detect(image)
        several = f"has {len(faces)} faces; cut it to one person" if len(faces) > 1 else ""
        face = self._face(CropSource(str(path)), image, faces[0] if faces else None, several)
        return self._small_but_sure(face, faces[0]) if len(faces) == 1 else face

    def _small_but_sure(self, face: Face, detected: DetectedFace) -> Face:
        """Take a small face with a warning where the landmarks leave no doubt that it is one."""
        rules, width = self._rules, face.crop.face_px
        if not min(rules.min_sure_face, rules.min_face) <= width < rules.min_face:
            return face
        if self._fault(face.crop, small=False) or not detected.landmarks.is_face(
            _SURE, _SURE_MISFIT
        ):
            return face
        warning = (
            f"the face is small: {width:.0f} px wide, {rules.min_face} are better (enrol.min_face)"
        )
        return replace(face, refused="", warning=warning)

    def from_clip(self, path: Path) -> list[Face]:
        try:
            clip = VideoSource(str(path), live=False, read_timeout_ms=_READ_TIMEOUT_MS)
        except SourceError as error:
            raise PictureError("cannot be read as a clip") from error
        try:
            faces = self._from_frames(str(path), clip)
        finally:
            clip.close()
        if not faces:
            raise PictureError("no frame of it could be read")
        return faces

    def _from_frames(self, path: str, clip: VideoSource) -> list[Face]:
        step = max(1, round(clip.fps * _CLIP_STEP_MS / 1000))
        follower = FaceFollower(self._clips, _TRACKING)
        faces: list[Face] = []
        with_face = crowded = index = 0
        while (picture := clip.read()) is not None:
            index += 1
            if (index - 1) % step:
                continue
            image, seconds = picture.image_bgr, (index - 1) / clip.fps
            tracks = [t for t in follower.update(image, seconds * 1000) if t.found]
            found = follower.boxes_found - follower.not_faces
            with_face += found > 0
            crowded += found > 1
            several = "other faces beside it" if len(tracks) > 1 else ""
            for track in tracks:
                source = CropSource(path, track.number, seconds)
                faces.append(self._face(source, image, follower.face_of(track), several))
            if not tracks:
                faces.append(self._face(CropSource(path, None, seconds), image, None))
        if with_face and crowded / with_face > _MAX_CROWDED_SHARE:
            why = f"the clip shows several faces in {crowded} of {with_face} frames; cut it to one"
            return [replace(face, refused=why) for face in faces]
        return faces

    def _face(
        self,
        source: CropSource,
        image: NDArray[np.uint8],
        face: DetectedFace | None,
        refused: str = "",
    ) -> Face:
        if face is None:
            return Face(source, _no_face(image), "no face was found")
        crop = measure_crop(image, face, self._alignment)
        return Face(source, crop, refused or self._fault(crop))

    def _fault(self, crop: MeasuredCrop, small: bool = True) -> str:
        """Say why a crop cannot be used, or "". small: also where it is too small."""
        rules = self._rules
        if small and crop.face_px < rules.min_face:
            return (
                f"the face is too small: {crop.face_px:.0f} px wide, at least "
                f"{rules.min_face} are wanted (enrol.min_face)"
            )
        if crop.sharpness < rules.min_sharpness:
            return (
                f"the face is blurred: sharpness {crop.sharpness:.3f}, at least "
                f"{rules.min_sharpness} is wanted (enrol.min_sharpness)"
            )
        if not rules.min_brightness <= crop.brightness <= rules.max_brightness:
            return (
                f"the face is too {'dark' if crop.brightness < 0.5 else 'bright'}: brightness "
                f"{crop.brightness:.2f}, wanted are {rules.min_brightness} to "
                f"{rules.max_brightness} (enrol.min_brightness, max_brightness)"
            )
        return ""


def _no_face(image: NDArray[np.uint8]) -> MeasuredCrop:
    """Make a picture without a face small enough for the contact sheet."""
    height, width = image.shape[:2]
    factor = CROP_SIZE / max(height, width)
    small = resize_image(image, max(1, round(width * factor)), max(1, round(height * factor)))
    canvas = np.zeros((CROP_SIZE, CROP_SIZE, 3), np.uint8)
    canvas[: small.shape[0], : small.shape[1]] = small[:, :, ::-1]
    return MeasuredCrop(
        crop_rgb=canvas, face_px=0.0, sharpness=0.0, brightness=0.0, pose=Pose(0.0, 0.0, 0.0)
    )
