"""Following faces from frame to frame: the one way from a picture to tracks.

Live capture, enrolment from clips and naming of clips on disk all go through it; they differ in
their settings alone.
"""

import math

import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import DetectConfig, TrackConfig
from streamer.tracking.track import Track, Tracker
from streamer.vision.boxes import Box
from streamer.vision.faces import DetectedFace, FaceDetector


class FaceFollower:
    """Finds and follows the faces of one camera or clip; one per thread, as its detector is.

    Raises ConfigError where the cascade cannot be loaded.
    """

    def __init__(self, detect: DetectConfig, track: TrackConfig) -> None:
        self._detector = FaceDetector.of(detect)
        self._search_interval_ms = detect.search_interval_ms
        self._tracker = Tracker(track)
        self._searched_ms = -math.inf
        self._faces: dict[Box, DetectedFace] = {}
        self.boxes_found = 0
        """Boxes that the cascade gave for the last frame; `not_faces` of them were no faces."""
        self.not_faces = 0

    def update(
        self, image_bgr: NDArray[np.uint8], media_ms: float, cut: bool = False
    ) -> list[Track]:
        """Follow the faces into the next frame; return all confirmed tracks, found in it or not.

        Parameters
        ----------
        image_bgr: (height, width, 3) uint8, as OpenCV decodes it.
        media_ms: the frame's time in the recording, or of the monotonic clock.
        cut: the frame does not continue the one before; every track ends, and it is searched whole.
        """
        if cut:
            self.end_all()
        faces = self._detect(image_bgr, media_ms)
        self.not_faces = self._detector.not_faces
        self.boxes_found = len(faces) + self.not_faces
        self._faces = {face.box: face for face in faces}
        return self._tracker.update(list(self._faces), media_ms)

    def face_of(self, track: Track) -> DetectedFace:
        """Return the face of a track that was found in the last frame. Raises KeyError."""
        return self._faces[track.box]

    def end_all(self) -> None:
        """End every track: the source has ended, broken off or jumped."""
        self._tracker.end_all()
        self._searched_ms = -math.inf

    def take_ended(self) -> list[int]:
        """Return the numbers of the confirmed tracks that ended since the last call."""
        return self._tracker.take_ended()

    def _detect(self, image_bgr: NDArray[np.uint8], media_ms: float) -> list[DetectedFace]:
        """Search the whole picture every `search_interval_ms`, around known faces in between."""
        since_ms = media_ms - self._searched_ms
        if 0 <= since_ms < self._search_interval_ms:
            return self._detector.detect(image_bgr, self._tracker.expected(media_ms))
        self._searched_ms = media_ms
        return self._detector.detect(image_bgr)
