"""Making a clip with exact truth: the video, the truth, and who is to be enrolled from what."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.errors import DatasetError
from streamer.files import replacing
from trainer.clips.cast import Player
from trainer.clips.figure import Figure, Look, covers, draw_figure, face_points
from trainer.clips.motion import Camera, FacePose, pose_at
from trainer.clips.play import Setting, Visit, write_play
from trainer.clips.scene import Room, Sensor, cover_polygon, draw_cover, inside_polygon
from trainer.clips.seen import Seen, tracks_of
from trainer.truth.file import Truth

_FOURCC = {".mp4": "mp4v", ".avi": "MJPG"}
SUFFIXES = tuple(_FOURCC)
_STRONGEST_BLUR = 0.02  # sigma, in widths of the face
_LEVELS = 3  # each with half of the pixels a side


@dataclass(frozen=True)
class OnStage:
    """A visit in one frame: where its face is, and the photo that is shown."""

    number: int
    visit: Visit
    pose: FacePose
    figure: Figure


class ClipMaker:
    """Draws the frames of a play, and notes what of each face can be seen.

    The same players, setting, room and generator give the same pictures.
    """

    def __init__(
        self,
        players: Sequence[Player],
        setting: Setting,
        room_bgr: NDArray[np.uint8],
        rng: np.random.Generator,
    ) -> None:
        self._players = players
        self._setting = setting
        self.visits = write_play([len(player.shown) for player in players], setting, rng)
        self._camera = Camera(setting.width, setting.height, float(rng.uniform(0, 6.3)))
        self._room = Room(room_bgr, setting.width, setting.height)
        self._sensor = Sensor.of(setting.width, setting.height, setting.seconds, rng)
        self.seen: dict[int, list[Seen]] = {}

    @cached_property
    def _figures(self) -> list[list[list[Figure]]]:
        """By player and photo: the figure in falling sizes, so that a far one is not jagged."""
        largest = 1.3 * self._setting.face_px[1]
        return [
            [
                [Figure.of(photo.reduced(largest / 2**level)) for level in range(_LEVELS)]
                for photo in player.shown
            ]
            for player in self._players
        ]

    def draw(self, index: int, fps: float) -> NDArray[np.uint8]:
        """Draw a frame, (height, width, 3) uint8 BGR; its faces are added to `seen`."""
        seconds = index / fps
        stage = self._on_stage(seconds)
        picture = self._room.draw(self._camera.transform(seconds))
        polygons = {}
        for on in stage:
            draw_figure(picture, on.figure, on.pose, _look(on, seconds))
            for cover in on.visit.covers:
                corners = cover_polygon(cover, on.pose, seconds)
                if corners is not None:
                    polygons[on.number] = corners
                    draw_cover(picture, corners)
        for place, on in enumerate(stage):
            share = self._share(on, stage[place + 1 :], polygons)
            seen = Seen(index * 1000 / fps, on.pose.box, share)
            self.seen.setdefault(on.number, []).append(seen)
        return self._sensor.take(picture, seconds, index)

    def truth(self, clip: str, fps: float, frames: int, judged_px: float) -> Truth:
        """Return what is true of the frames drawn so far. Faces less wide are not judged."""
        tracks = []
        for number, seen in sorted(self.seen.items()):
            player = self._players[self.visits[number].player]
            tracks += tracks_of(player.name, player.known, seen, judged_px)
        return Truth(
            clip=clip,
            width=self._setting.width,
            height=self._setting.height,
            fps=fps,
            duration_ms=round(frames * 1000 / fps, 2),
            tracks=tuple(sorted(tracks, key=lambda track: track.start_ms)),
        )

    def _on_stage(self, seconds: float) -> list[OnStage]:
        """Return who is there now, the farthest first."""
        stage = []
        for number, visit in enumerate(self.visits):
            if visit.start_s <= seconds < visit.end_s:
                pose = pose_at(visit, self._setting, self._camera, seconds)
                levels = self._figures[visit.player][visit.photo_at(seconds)]
                enough = [level for level in levels if level.box.width >= pose.side]
                stage.append(OnStage(number, visit, pose, enough[-1] if enough else levels[0]))
        return sorted(stage, key=lambda on: on.pose.side)

    def _share(
        self,
        on: OnStage,
        nearer: Sequence[OnStage],
        polygons: dict[int, NDArray[np.float64]],
    ) -> float:
        points = face_points(on.pose)
        size = [self._setting.width, self._setting.height]
        free = ((points >= 0) & (points < size)).all(axis=1)
        for other in nearer:
            free &= ~covers(other.figure, other.pose, points)
        for other in (on, *nearer):
            if other.number in polygons:
                free &= ~inside_polygon(polygons[other.number], points)
        return float(free.mean())


def _look(on: OnStage, seconds: float) -> Look:
    """Return a visit's light and blur at a time: both swell and fade."""
    visit = on.visit
    first, second, third = visit.phase
    gain = visit.gain * (1 + 0.12 * float(np.sin(seconds * 0.9 + first)))
    slope = visit.side_light * float(np.cos(seconds * 0.6 + second))
    swell = max(0.0, float(np.sin(seconds * 0.8 + third)))
    return Look(gain, slope, _STRONGEST_BLUR * visit.blur * swell * on.pose.side)


def write_clip(
    path: Path,
    maker: ClipMaker,
    size: tuple[int, int],
    fps: float,
    frames: int,
    on_frame: Callable[[], None] = lambda: None,
) -> None:
    """Draw the frames and write them in one step. Raises DatasetError where that cannot be."""
    fourcc = cv2.VideoWriter.fourcc(*_FOURCC[path.suffix.lower()])
    with replacing(path) as partial:
        writer = cv2.VideoWriter(str(partial), fourcc, fps, size)
        if not writer.isOpened():
            raise DatasetError(f"{path}: cannot be written: this OpenCV cannot, or the folder")
        try:
            for index in range(frames):
                writer.write(maker.draw(index, fps))
                on_frame()
        finally:
            writer.release()


def link_enrolment(folder: Path, photos: Mapping[str, Sequence[Path]]) -> None:
    """Make a folder of links for `facestream enrol-folder`: folder/person/photo, by person.

    A folder of links from an earlier time is replaced. Raises DatasetError for any other that is
    not empty, or where no link can be made.
    """
    if folder.is_dir():
        own = {*folder.glob("*/*")}  # folder/person/photo, as below
        ours = [(p, p.is_symlink() if p in own else _is_folder(p)) for p in folder.rglob("*")]
        strange = next((path for path, right in ours if not right), None)
        if strange is not None:
            raise DatasetError(
                f"{folder}: must be empty or hold nothing but folders of links. Found: {strange}; "
                f"name another folder with --enrol"
            )
    try:
        if folder.is_dir():
            shutil.rmtree(folder)
        for name, paths in photos.items():
            (folder / name).mkdir(parents=True)
            for path in paths:
                (folder / name / path.name).symlink_to(path.resolve())
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be made: {error.strerror or error}") from error


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
