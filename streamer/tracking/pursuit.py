"""Following known faces by their landmarks: from where a face was to where it is, without Haar.

The landmarks network says in each frame how sure it is that there is a face, and its points say
where exactly; so the next frame's square comes from the last frame's points. It costs a tenth of
a search, and it keeps heads that turn further than the cascade can see.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.vision.align import square_of
from streamer.vision.boxes import Box, iou_matrix
from streamer.vision.faces import DetectedFace
from streamer.vision.landmarks import LandmarkFinder, Landmarks

LEAST_CONFIDENCE = 0.25
"""A face that is known already may look less like one than a new one (`min_confidence`)."""

LEAST_TRUST = 0.4
"""The confidence of late, below which nothing is followed: walls are not faces for long."""

_MOST_MISFIT = 0.5
_TRUST_MS = 500.0
_WORTH_ANOTHER_LOOK = 0.05
_MOST_GROWTH = 1.4  # of a face's side from one frame to the next
_LEAST_LIKENESS = 0.35
_LIKENESS_MS = 150.0
_SAME_PLACE = 1 / 3


class FoundFace(NamedTuple):
    """A face in this frame, and what the network saw: view (56, 56), see `network_input`."""

    face: DetectedFace
    view: NDArray[np.float32]


@dataclass
class _Known:
    """A face when it was last found; `trust` is its confidence of late."""

    view: NDArray[np.float32]
    seen_ms: float
    trust: float


class Pursuit:
    """The faces of one camera's tracks, by the numbers of the tracks."""

    def __init__(self, finder: LandmarkFinder) -> None:
        self._finder = finder
        self._known: dict[int, _Known] = {}

    def follow(
        self, image_bgr: NDArray[np.uint8], expected: dict[int, Box], media_ms: float
    ) -> dict[int, FoundFace]:
        """Look for each face where it is expected; return those that are there.

        Where two tracks come upon one face, it is the one's whose face looked more like it.
        """
        numbers = [number for number in expected if number in self._known]
        found = self._look(image_bgr, [expected[number] for number in numbers])
        claims = []
        for number, seen in zip(numbers, found, strict=True):
            known = self._known[number]
            if seen is None or not _is_near(seen.face.box, expected[number]):
                continue
            likeness = float((known.view * seen.view).mean())
            fresh = media_ms - known.seen_ms <= _LIKENESS_MS
            if fresh and likeness < _LEAST_LIKENESS:
                continue  # somebody else is there now
            trust = _trust(known, seen.face.landmarks.confidence, media_ms)
            if trust >= LEAST_TRUST:
                claims.append((likeness, number, seen))
        kept: dict[int, FoundFace] = {}
        for _, number, seen in sorted(claims, key=lambda claim: -claim[0]):
            if not overlaps_any(seen.face.box, [other.face.box for other in kept.values()]):
                kept[number] = seen
        return kept

    def begin(
        self, image_bgr: NDArray[np.uint8], faces: dict[int, DetectedFace], media_ms: float
    ) -> None:
        """Take up faces that a search found for these tracks, where they are followed to be."""
        sure = {number: face for number, face in faces.items() if face.landmarks.is_face()}
        squares = [square_of(face.landmarks.points) for face in sure.values()]
        _, views = self._finder.look(image_bgr, squares)
        for (number, face), view in zip(sure.items(), views, strict=True):
            self._known.pop(number, None)
            self.note(number, FoundFace(face, view), media_ms)

    def note(self, number: int, found: FoundFace, media_ms: float) -> None:
        """Remember how a track's face looks now."""
        known = self._known.get(number)
        confidence = found.face.landmarks.confidence
        if known is None:
            self._known[number] = _Known(found.view, media_ms, confidence)
        else:
            known.trust = _trust(known, confidence, media_ms)
            known.view, known.seen_ms = found.view, media_ms

    def keep_only(self, numbers: set[int]) -> None:
        """Forget every track but these."""
        self._known = {number: known for number, known in self._known.items() if number in numbers}

    def _look(self, image_bgr: NDArray[np.uint8], boxes: list[Box]) -> list[FoundFace | None]:
        """Look into each box, and once more where the points say that the face lies aside."""
        landmarks, views = self._finder.look(image_bgr, boxes)
        found = [_found(at, view) for at, view in zip(landmarks, views, strict=True)]
        again = {
            index: square_of(at.points)
            for index, at in enumerate(landmarks)
            if found[index] is None and at.confidence >= _WORTH_ANOTHER_LOOK
        }
        again = {i: box for i, box in again.items() if _is_near(box, boxes[i])}
        landmarks, views = self._finder.look(image_bgr, list(again.values()))
        for index, at, view in zip(again, landmarks, views, strict=True):
            found[index] = _found(at, view)
        return found


def overlaps_any(box: Box, others: list[Box]) -> bool:
    """Return whether a box overlaps one of the others by a third: they are one face."""
    return bool(others) and bool(iou_matrix(np.array([box]), np.array(others)).max() >= _SAME_PLACE)


def _found(at: Landmarks, view: NDArray[np.float32]) -> FoundFace | None:
    if not at.is_face(LEAST_CONFIDENCE, _MOST_MISFIT):
        return None
    return FoundFace(DetectedFace(square_of(at.points), at), view)


def _is_near(box: Box, expected: Box) -> bool:
    """Return whether a face can have come from one square to the other in a frame."""
    growth = box.width / expected.width
    if not 1 / _MOST_GROWTH <= growth <= _MOST_GROWTH:
        return False
    apart_x = abs(box.x + box.width / 2 - expected.x - expected.width / 2)
    apart_y = abs(box.y + box.height / 2 - expected.y - expected.height / 2)
    return max(apart_x, apart_y) <= expected.width / 2


def _trust(known: _Known, confidence: float, media_ms: float) -> float:
    share = min(1.0, max(0.0, media_ms - known.seen_ms) / _TRUST_MS)
    return known.trust + share * (confidence - known.trust)
