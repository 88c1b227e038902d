"""Following faces from frame to frame: the one way from a picture to tracks.

Live capture, enrolment from clips and naming of clips on disk all go through it; they differ in
their settings alone.
"""

import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import DetectConfig, TrackConfig
from streamer.tracking.pursuit import FoundFace, Pursuit, overlaps_any
from streamer.tracking.rota import SearchRota
from streamer.tracking.searches import SearchAtOnce, SearchBeside, Searches
from streamer.tracking.second_look import SecondLook
from streamer.tracking.track import Track, Tracker
from streamer.vision.boxes import Box
from streamer.vision.detect import HaarDetector
from streamer.vision.faces import DetectedFace, FaceDetector
from streamer.vision.reduced import Reduced, reduce_picture
from streamer.vision.scene import Cells, CutWatch, cells_of


class FaceFollower:
    """Finds and follows the faces of one camera or clip; one per thread, as its detector is.

    With `beside`, whole pictures are searched in a thread of low priority, and new faces come a
    few frames later; without, the same frames always give the same faces. Close it in the end.

    Raises ConfigError where the cascade cannot be loaded.
    """

    def __init__(self, detect: DetectConfig, track: TrackConfig, beside: bool = False) -> None:
        self._config = detect
        # What it searches for itself is little, around faces that were lost: that may be fine.
        _, fine = HaarDetector.frontal_of(detect)
        self._detector = FaceDetector(fine, detect.min_confidence)
        self._tracker = Tracker(track)
        self._pursuit = Pursuit(self._detector.finder)
        self._cuts = CutWatch(track.cut_share)
        self._second = SecondLook(detect.cascade)
        self._searches: Searches = SearchBeside() if beside else SearchAtOnce()
        self._rota = SearchRota(detect)
        self._faces: dict[Box, DetectedFace] = {}
        self.boxes_found = 0
        """Boxes that were looked into in the last frame; `not_faces` of them were no faces."""
        self.not_faces = 0

    def update(
        self, image_bgr: NDArray[np.uint8], media_ms: float, cut: bool = False, rarely: float = 1.0
    ) -> list[Track]:
        """Follow the faces into the next frame; return all confirmed tracks, found in it or not.

        Parameters
        ----------
        image_bgr: (height, width, 3) uint8, as OpenCV decodes it.
        media_ms: the frame's time in the recording, or of the monotonic clock.
        cut: the frame does not continue the one before; every track ends, and it is searched whole.
        rarely: so many times rarer than the settings say are new faces searched for.
        """
        picture = reduce_picture(image_bgr, self._config.detect_width)
        cells = cells_of(picture)
        if self._cuts.is_cut(cells) or cut:
            self.end_all()
        expected = self._tracker.expected(media_ms)
        followed = self._pursuit.follow(image_bgr, expected, media_ms)
        held = [found.face.box for found in followed.values()]
        lost = [box for number, box in expected.items() if number not in followed]
        self._start_search(picture, cells, held, media_ms, rarely)
        boxes = self._searches.take() + self._look_for(picture, lost)
        boxes = [box for box in boxes if not overlaps_any(box, held)]
        new = self._detector.judge(image_bgr, boxes)
        new = [face for face in new if not overlaps_any(face.box, held)]
        self.not_faces = self._detector.not_faces
        self.boxes_found = len(followed) + len(new) + self.not_faces
        self._faces = {face.box: face for face in new}
        self._faces |= {found.face.box: found.face for found in followed.values()}
        tracks = self._tracker.update(
            [face.box for face in new],
            media_ms,
            {number: found.face.box for number, found in followed.items()},
        )
        self._remember(image_bgr, followed, media_ms)
        return tracks

    def pass_over(self, media_ms: float) -> list[Track]:
        """Return the confirmed tracks as they are expected in a frame that is not looked at.

        Those that were found in the last one that was count as found; of none is there a face.
        """
        self.boxes_found = self.not_faces = 0
        self._faces = {}
        return self._tracker.pass_over(media_ms)

    def face_of(self, track: Track) -> DetectedFace:
        """Return the face of a track that was found in the last frame. Raises KeyError."""
        return self._faces[track.box]

    def end_all(self) -> None:
        """End every track: the source has ended, broken off or jumped."""
        self._tracker.end_all()
        self._pursuit.keep_only(set())
        self._searches.forget()
        self._rota.begin_anew()

    def take_ended(self) -> list[int]:
        """Return the numbers of the confirmed tracks that ended since the last call."""
        return self._tracker.take_ended()

    def close(self) -> None:
        """End the thread that searches, if there is one."""
        self._searches.close()

    def _start_search(
        self, picture: Reduced, cells: Cells, held: list[Box], media_ms: float, rarely: float
    ) -> None:
        """Search where it is due, unless the last search still runs."""
        if self._searches.busy:
            return
        within = [box.scaled(picture.factor) for box in held]
        search = self._rota.next(picture, cells, within, media_ms, rarely)
        if search is not None:
            self._searches.start(search.haar, picture, search.regions)

    def _look_for(self, picture: Reduced, lost: list[Box]) -> list[Box]:
        """Search around faces that are not followed: as always, and one of them more closely."""
        if not lost or self._config.search_interval_ms == 0:
            return []  # with 0, every frame is searched whole
        return self._detector.haar.search(picture, lost) + self._second.look(picture, lost)

    def _remember(
        self, image_bgr: NDArray[np.uint8], followed: dict[int, FoundFace], media_ms: float
    ) -> None:
        """Note how every found face looks, so that it can be followed into the next frame."""
        places = self._tracker.found()
        self._pursuit.keep_only(set(self._tracker.expected(media_ms)))
        self._pursuit.begin(
            image_bgr,
            {number: self._faces[box] for number, box in places.items() if number not in followed},
            media_ms,
        )
        for number, found in followed.items():
            self._pursuit.note(number, found, media_ms)
