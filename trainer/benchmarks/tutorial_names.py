"""What the plain loop of a tutorial would say of a clip: each face of each frame by itself.

Haar on the full frame (1.16, 5, 25 x 25), our network and crops, the nearest enrolled embedding
within one distance that the network's impostors give: no tracks, no votes, no calibration.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.constants import DEFAULT_CASCADE
from streamer.errors import SourceError
from streamer.vision.boxes import Box
from streamer.vision.detect import HaarDetector
from streamer.vision.faces import FaceDetector, crop_face
from trainer.truth.said import SaidTrack, said_of_frames
from workers.classifier.impostors import Impostors
from workers.embedding.embedder import Embedder
from workers.gallery.version import Gallery

FRAMES_PER_S = 5.0
"""Other frames are passed over, as a program does that has no time for them; names last."""


class TutorialLoop:
    """Names the faces of frames by their nearest enrolled embedding."""

    def __init__(self, embedder: Embedder, gallery: Gallery, impostors: Impostors) -> None:
        self._detector = FaceDetector(HaarDetector(DEFAULT_CASCADE, 0, 1.16, 5, 25), 0.0)
        self._embedder = embedder
        self._people = gallery.people
        self._limit = impostors.same_person_limit()

    def names(self, frame_bgr: NDArray[np.uint8]) -> list[tuple[Box, str | None]]:
        """Return each box of a (height, width, 3) uint8 frame with a name, or None."""
        faces = self._detector.detect(frame_bgr)
        if not faces:
            return []
        crops = [crop_face(frame_bgr, face, self._embedder.alignment) for face in faces]
        vectors = self._embedder.embed(np.stack(crops))
        apart = 2.0 - 2.0 * vectors @ self._people.embeddings.T
        nearest = apart.argmin(axis=1)
        return [
            (face.box, self._people.names[self._people.labels[best]] if near else None)
            for face, best, near in zip(
                faces, nearest, apart.min(axis=1) <= self._limit, strict=True
            )
        ]


def said_by_tutorial(clip: Path, loop: TutorialLoop) -> list[SaidTrack]:
    """Let the loop name the faces of a clip. Raises SourceError where it cannot be read."""
    capture = cv2.VideoCapture(str(clip))
    try:
        fps = capture.get(cv2.CAP_PROP_FPS)
        if not capture.isOpened() or fps <= 0:
            raise SourceError(f"{clip}: cannot be read as a clip")
        step = max(1, round(fps / FRAMES_PER_S))
        return said_of_frames(_named_frames(capture, fps, step, loop), step * 1000 / fps)
    finally:
        capture.release()


def _named_frames(
    capture: cv2.VideoCapture, fps: float, step: int, loop: TutorialLoop
) -> Iterator[tuple[float, list[tuple[Box, str | None]]]]:
    index = 0
    while capture.grab():
        if index % step == 0:
            good, decoded = capture.retrieve()
            if good:
                yield index * 1000 / fps, loop.names(np.asarray(decoded, np.uint8))
        index += 1
