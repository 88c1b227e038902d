"""Looking at every frame of a clip harder than live video can: who might be there, and cuts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.errors import SourceError
from streamer.vision.boxes import Box
from streamer.vision.detect import HaarDetector, non_maximum_suppression
from streamer.vision.images import decode_image, encode_image
from streamer.vision.landmarks import LandmarkFinder
from trainer.support.clips import frames_of

MAX_FRAMES = 60_000
FLOW_WIDTH = 480
"""Frames are kept at this width for following; as JPEGs, half an hour takes about 500 MB."""

_SEARCH_WIDTH = 1280
_SCALE = 1.12
_MIN_FACE_PX = 24
_DEEP_EVERY = 3
_SURE = 0.5
_PROFILE = "haarcascade_profileface.xml"
_OTHER = "haarcascade_frontalface_default.xml"
_TILTS_DEGREES = (20.0, -20.0)
_CUT_DIFFERENCE = 15.0  # of 255, mean over a picture of 32 x 18
_SUDDEN = 4.0  # times the difference before: a pan changes all frames alike
_CUT_CORRELATION = 0.85  # of the histograms of two frames; across a cut it is lower


@dataclass(frozen=True)
class Found:
    """A box that may be a face's. sure: the landmarks network says so; else a profile, perhaps."""

    box: Box
    sure: bool


@dataclass
class Looked:
    """A clip as it was looked at; lists have an item for each frame.

    found: boxes in pixels of the clip. cuts: the frame does not continue the one before.
    """

    width: int
    height: int
    fps: float
    found: list[list[Found]] = field(default_factory=list)
    cuts: list[bool] = field(default_factory=list)
    small: list[bytes] = field(default_factory=list)

    @property
    def flow_factor(self) -> float:
        """What a length in the clip's pixels is multiplied by for those of `grey`."""
        return min(1.0, FLOW_WIDTH / self.width)

    def grey(self, frame: int) -> NDArray[np.uint8]:
        """Return a frame at FLOW_WIDTH, (height, width) uint8."""
        picture = decode_image(self.small[frame])
        if picture is None:
            raise SourceError(f"frame {frame} cannot be read again")
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)

    def ms(self, frame: int) -> float:
        """Return a frame's place in the clip."""
        return frame * 1000 / self.fps


def look(clip: Path, every: int = 1) -> Iterator[Looked]:
    """Yield the same growing `Looked` after each frame. `every`: frames between two searches.

    Raises SourceError for what is no clip, is empty or too long.
    """
    searcher = Searcher()
    looked: Looked | None = None
    cuts = CutFinder()
    for number, (source, image_bgr) in enumerate(frames_of(clip)):
        if looked is None:
            looked = Looked(image_bgr.shape[1], image_bgr.shape[0], source.fps)
        if number >= MAX_FRAMES:
            raise SourceError(
                f"{clip}: has more than {MAX_FRAMES} frames; cut it into shorter ones"
            )
        small = _reduced(image_bgr, FLOW_WIDTH)
        cut = cuts.is_cut(small)
        deep = number % (_DEEP_EVERY * every) == 0 or cut
        looked.found.append(searcher.search(image_bgr, deep) if deep or number % every == 0 else [])
        looked.cuts.append(cut)
        looked.small.append(encode_image(small, quality=90))
        yield looked
    if looked is None:
        raise SourceError(f"{clip}: has no frame that can be read")


class CutFinder:
    """Tells whether a frame is of another scene than the one before: it differs everywhere.

    It does so at once, not by moving on as before, or its colours are others.
    """

    def __init__(self) -> None:
        self._tiny: NDArray[np.float32] | None = None
        self._colours: NDArray[np.float32] | None = None
        self._change = 0.0

    def is_cut(self, image_bgr: NDArray[np.uint8]) -> bool:
        """Take the next frame, (height, width, 3) uint8; the first one is no cut."""
        tiny = cv2.resize(image_bgr, (32, 18), interpolation=cv2.INTER_AREA).astype(np.float32)
        colours = cv2.calcHist([image_bgr], [0, 1, 2], None, [8, 8, 8], [0, 256] * 3)
        cut = False
        if self._tiny is not None and self._colours is not None:
            change = float(np.abs(tiny - self._tiny).mean())
            alike = cv2.compareHist(self._colours, colours, cv2.HISTCMP_CORREL)
            sudden = change >= _SUDDEN * max(1.0, self._change)
            cut = change >= _CUT_DIFFERENCE and (sudden or alike < _CUT_CORRELATION)
            self._change = 0.0 if cut else change
        self._tiny, self._colours = tiny, np.asarray(colours, np.float32)
        return cut


class Searcher:
    """Cascades with looser settings than a camera's, and the landmarks network as the judge."""

    def __init__(self) -> None:
        self._frontal = HaarDetector(scale_factor=_SCALE, neighbours=2, min_face=_MIN_FACE_PX)
        self._other = HaarDetector(_OTHER, 0, _SCALE, 4, _MIN_FACE_PX)
        self._profile = HaarDetector(_PROFILE, 0, _SCALE, 4, _MIN_FACE_PX)
        self._landmarks = LandmarkFinder()

    def search(self, image_bgr: NDArray[np.uint8], deep: bool) -> list[Found]:
        """Find boxes in a (height, width, 3) picture; `deep`: with every cascade, and tilted."""
        reduced = _reduced(image_bgr, _SEARCH_WIDTH)
        factor = reduced.shape[1] / image_bgr.shape[1]
        boxes = self._frontal.detect(reduced)
        if deep:
            boxes += self._other.detect(reduced)
            for degrees in _TILTS_DEGREES:
                boxes += _tilted(self._frontal, reduced, degrees)
        at = self._landmarks.find(reduced, boxes)
        sure = non_maximum_suppression(
            [box for box, points in zip(boxes, at, strict=True) if points.is_face(_SURE)]
        )
        perhaps = [*self._sides(reduced, 1), *self._sides(reduced, -1)] if deep else []
        kept = non_maximum_suppression([*sure, *perhaps])
        return [Found(box.scaled(1 / factor), box in sure) for box in kept]

    def _sides(self, image_bgr: NDArray[np.uint8], facing: Literal[1, -1]) -> list[Box]:
        """Find profiles that look to one side; the cascade knows the other side only."""
        if facing == 1:
            return self._profile.detect(image_bgr)
        width = image_bgr.shape[1]
        mirrored = np.ascontiguousarray(image_bgr[:, ::-1])
        return [Box(width - x - w, y, w, h) for x, y, w, h in self._profile.detect(mirrored)]


def _tilted(detector: HaarDetector, image_bgr: NDArray[np.uint8], degrees: float) -> list[Box]:
    height, width = image_bgr.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turned = cv2.warpAffine(image_bgr, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    back = cv2.invertAffineTransform(turn)
    found = []
    for x, y, side, _ in detector.detect(np.asarray(turned, np.uint8)):
        centre_x, centre_y = back @ np.array([x + side / 2, y + side / 2, 1.0])
        found.append(Box(centre_x - side / 2, centre_y - side / 2, side, side))
    return found


def _reduced(image_bgr: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    rows, columns = image_bgr.shape[:2]
    if columns <= width:
        return image_bgr
    size = (width, max(1, round(rows * width / columns)))
    return np.asarray(cv2.resize(image_bgr, size, interpolation=cv2.INTER_AREA), np.uint8)
