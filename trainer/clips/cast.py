"""Who plays in a made clip, and with which photos: to be enrolled from, and to be shown.

A photo that a person is enrolled from never appears in the clip, nor does another copy of it.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.errors import DatasetError
from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from streamer.vision.detect import FallbackDetector
from streamer.vision.files import PHOTO_SUFFIXES, read_image
from streamer.vision.images import resize_image
from streamer.vision.landmarks import LandmarkFinder
from workers.names import composed_name

MAX_SHOWN = 12
_COPY_SIDE, _COPY_CORRELATION = 24, 0.97
_NEARLY_AS_WIDE = 0.5


@dataclass(frozen=True)
class Photo:
    """A photo, (height, width, 3) uint8 BGR, and the Haar square of its person's face."""

    path: Path
    image_bgr: NDArray[np.uint8]
    box: Box

    def reduced(self, face_px: float) -> "Photo":
        """Return it with a face at most so many pixels wide: more would be read for nothing."""
        factor = face_px / self.box.width
        if factor >= 1:
            return self
        height, width = self.image_bgr.shape[:2]
        size = max(1, round(width * factor)), max(1, round(height * factor))
        return Photo(self.path, resize_image(self.image_bgr, *size), self.box.scaled(factor))


@dataclass(frozen=True)
class Player:
    """Somebody in the clip. `enrolled_from` is empty for a stranger; `shown` never is."""

    name: str
    enrolled_from: tuple[Path, ...]
    shown: tuple[Photo, ...]

    @property
    def known(self) -> bool:
        """Whether the person is to be enrolled."""
        return bool(self.enrolled_from)


class FaceOfPhoto:
    """Finds the Haar square of the one person whom a photo shows; one per thread."""

    def __init__(self) -> None:
        self._detector = FallbackDetector()
        self._landmarks = LandmarkFinder()

    def find(self, image_bgr: NDArray[np.uint8]) -> Box | None:
        """Return the square, of the strictest search that finds a face; None for several faces.

        Faces less than half as wide as the widest are somebody's far behind, and do not count.
        """
        for boxes in self._detector.searches(image_bgr):
            found = self._landmarks.find(image_bgr, boxes)
            faces = [box for box, at in zip(boxes, found, strict=True) if at.is_face()]
            widest = max((box.width for box in faces), default=0.0)
            wide = [box for box in faces if box.width >= _NEARLY_AS_WIDE * widest]
            if wide:
                return wide[0] if len(wide) == 1 else None
        return None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How many people of each kind. `enrol_photos` of each of the known are for enrolment."""

    known: int
    strangers: int
    enrol_photos: int


def choose_players(
    root: Path,
    wanted: Wanted,
    rng: np.random.Generator,
    only: Collection[str] | None = None,
    on_photo: Callable[[], None] = lambda: None,
) -> list[Player]:
    """Choose people of ROOT/person/*.jpg and their photos, the same for the same `rng`.

    `only` names the people who may be chosen; None: all. The strangers are chosen among those
    who are left, with two photos or more before others. Raises DatasetError where there are too
    few.
    """
    folders = _people(root, only)
    order = [folders[index] for index in rng.permutation(len(folders))]
    finder = FaceOfPhoto()
    least = wanted.enrol_photos + 1
    players: list[Player] = []
    taken: set[str] = set()
    # Who has many photos is for the known first: several of each visit are then others.
    for enough, known in ((least + 2, True), (least, True), (2, False), (1, False)):
        enrol = wanted.enrol_photos if known else 0
        most = wanted.known + (0 if known else wanted.strangers)
        for name, paths in order:
            if len(players) >= most:
                break
            if name in taken or len(paths) < enough:
                continue
            player = _player(name, paths, enrol, enough, finder, rng, on_photo)
            if player is not None:
                players.append(player)
                taken.add(name)
    found = sum(player.known for player in players)
    if found < wanted.known:
        raise DatasetError(
            f"{root}: must have {wanted.known} people with {least} photos of a face or more, "
            f"{wanted.enrol_photos} of them to enrol from. Received: {found}; "
            f"ask for fewer with --known or --enrol-photos"
        )
    if len(players) < wanted.known + wanted.strangers:
        raise DatasetError(
            f"{root}: must have {wanted.strangers} people besides the known. Received: "
            f"{len(players) - found}; ask for fewer with --strangers"
        )
    return players


def _people(root: Path, only: Collection[str] | None) -> list[tuple[str, list[Path]]]:
    if not root.is_dir():
        raise DatasetError(f"{root}: must be a folder with a folder of photos for each person")
    found = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        name = composed_name(folder.name)
        if folder.name.startswith(".") or (only is not None and name not in only):
            continue
        photos = sorted(p for p in folder.iterdir() if p.suffix.lower() in PHOTO_SUFFIXES)
        if photos:
            found.append((name, photos))
    if not found:
        among = "" if only is None else " of those who may be chosen"
        raise DatasetError(f"{root}: has no folder with photos{among}, as ROOT/person/photo.jpg")
    return found


def _player(
    name: str,
    paths: list[Path],
    enrol: int,
    enough: int,
    finder: FaceOfPhoto,
    rng: np.random.Generator,
    on_photo: Callable[[], None],
) -> Player | None:
    """Look for faces in some of a person's photos, in a random order; None if in too few."""
    photos: list[Photo] = []
    for index in rng.permutation(len(paths)):
        if len(photos) >= enrol + MAX_SHOWN:
            break
        image = read_image(paths[index])
        box = None if image is None else finder.find(image)
        on_photo()
        if image is not None and box is not None:
            photos.append(Photo(paths[index], image, box))
    first, others = photos[:enrol], photos[enrol:]
    seen = [_fingerprint(photo) for photo in first]
    shown = []
    for photo in others:
        mark = _fingerprint(photo)
        if all(float(mark @ other) < _COPY_CORRELATION for other in seen):
            shown.append(photo)
            seen.append(mark)
    if len(first) < enrol or len(shown) < enough - enrol:
        return None
    return Player(name, tuple(photo.path for photo in first), tuple(shown))


def _fingerprint(photo: Photo) -> NDArray[np.float64]:
    """Return a unit vector that copies of a photo share, however they were saved."""
    crop = cut_crop(photo.image_bgr, photo.box, 1.5, _COPY_SIDE)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float64).ravel()
    grey -= grey.mean()
    return grey / max(float(np.linalg.norm(grey)), 1e-9)
