"""From detections to tracks: one face across frames.

Boxes are matched by intersection over union with where each track is expected to be
(constant velocity), best assignment over all (Hungarian method, from SciPy); the same idea
as SORT (Bewley et al. 2016) without its Kalman filter, which Haar's jitter does not repay.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from streamer.config.sections import TrackConfig
from streamer.vision.boxes import Box, iou_matrix

_SMOOTHING = 0.5
_MAX_STEP_MS = 500.0
_SLOWING_MS = 300.0  # a face that is not found is expected to slow down: few walk on unseen as fast
_MOST_GROWTH = 1.7  # of a face's side, from where it was last found to where it is found again


@dataclass
class Track:
    """One face. `box` is where it was last found, or is expected to be while it is not found."""

    number: int
    box: Box
    seen_ms: float
    found_frames: int = 1
    found: bool = True
    velocity: tuple[float, float] = (0.0, 0.0)
    moved_ms: float = field(default=0.0)


class Tracker:
    """Tracks of one camera; every track ends `lost_after_ms` after it was last found.

    Times are media times, so that a recording gives the same tracks at any speed.
    """

    def __init__(self, config: TrackConfig, first_number: int = 1) -> None:
        self._config = config
        self._tracks: list[Track] = []
        self._next = first_number
        self._ended: list[int] = []

    @property
    def next_number(self) -> int:
        """The number that the next new track gets."""
        return self._next

    def expected(self, media_ms: float) -> dict[int, Box]:
        """Where every track, confirmed or not, is expected to be at a time, by number."""
        return {track.number: _moved(track, media_ms) for track in self._tracks}

    def found(self) -> dict[int, Box]:
        """Where the tracks are that were found in the last frame, confirmed or not, by number."""
        return {track.number: track.box for track in self._tracks if track.found}

    def update(
        self, boxes: list[Box], media_ms: float, followed: Mapping[int, Box] | None = None
    ) -> list[Track]:
        """Match one frame's detections; return the confirmed tracks, found in this frame or not.

        `followed`: tracks whose faces are known to be in these boxes; only the others are matched.
        """
        for track in self._tracks:
            self._predict(track, media_ms)
        followed = followed or {}
        rest = []
        for track in self._tracks:
            if track.number in followed:
                self._found(track, followed[track.number], media_ms)
            else:
                rest.append(track)
        matched, unmatched = self._match(rest, boxes)
        for track, box in matched:
            self._found(track, box, media_ms)
        alive = []
        for track in self._tracks:
            if media_ms - track.seen_ms > self._config.lost_after_ms or (
                not track.found and not self._confirmed(track)
            ):
                self._end(track)
            else:
                alive.append(track)
        for box in unmatched[: max(0, self._config.max_tracks - len(alive))]:
            alive.append(Track(self._next, box, media_ms, moved_ms=media_ms))
            self._next += 1
        self._tracks = alive
        return [track for track in alive if self._confirmed(track)]

    def pass_over(self, media_ms: float) -> list[Track]:
        """Return the confirmed tracks as they are expected in a frame that is not looked at.

        They are found if they were in the last frame that was looked at: nobody went unseen since.
        """
        return [
            replace(track, box=_moved(track, media_ms))
            for track in self._tracks
            if self._confirmed(track)
        ]

    def end_all(self) -> None:
        """End every track: the source has ended or was interrupted."""
        for track in self._tracks:
            self._end(track)
        self._tracks = []

    def take_ended(self) -> list[int]:
        """Return the numbers of confirmed tracks that ended since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def _confirmed(self, track: Track) -> bool:
        return track.found_frames >= self._config.confirm_frames

    def _end(self, track: Track) -> None:
        if self._confirmed(track):
            self._ended.append(track.number)

    def _predict(self, track: Track, media_ms: float) -> None:
        if not track.found:
            slower = math.exp(-max(0.0, media_ms - track.moved_ms) / _SLOWING_MS)
            track.velocity = track.velocity[0] * slower, track.velocity[1] * slower
        track.box = _moved(track, media_ms)
        track.moved_ms = media_ms
        track.found = False

    def _match(
        self, tracks: list[Track], boxes: list[Box]
    ) -> tuple[list[tuple[Track, Box]], list[Box]]:
        if not boxes or not tracks:
            return [], list(boxes)
        overlaps = iou_matrix(
            np.array([track.box for track in tracks], np.float64),
            np.array(boxes, np.float64),
        )
        # Pairs that may not be matched weigh nothing, so that they cannot outweigh one that may.
        sides = np.log([track.box.width for track in tracks])[:, None]
        grown = np.abs(sides - np.log([box.width for box in boxes])) > math.log(_MOST_GROWTH)
        allowed = np.where((overlaps >= self._config.min_iou) & ~grown, overlaps, 0.0)
        rows, columns = linear_sum_assignment(allowed, maximize=True)
        good = [
            (row, column)
            for row, column in zip(rows, columns, strict=True)
            if allowed[row, column] > 0
        ]
        taken = {column for _, column in good}
        matched = [(tracks[row], boxes[column]) for row, column in good]
        return matched, [box for index, box in enumerate(boxes) if index not in taken]

    def _found(self, track: Track, box: Box, media_ms: float) -> None:
        elapsed = media_ms - track.seen_ms
        if elapsed > 0 and track.found_frames > 0:
            # The prediction moved the box by velocity * time since; the rest is the error.
            error_x = (box.x + box.width / 2) - (track.box.x + track.box.width / 2)
            error_y = (box.y + box.height / 2) - (track.box.y + track.box.height / 2)
            step = min(elapsed, _MAX_STEP_MS)
            track.velocity = (
                track.velocity[0] + _SMOOTHING * error_x / step,
                track.velocity[1] + _SMOOTHING * error_y / step,
            )
        track.box = box
        track.seen_ms = media_ms
        track.found_frames += 1
        track.found = True


def _moved(track: Track, media_ms: float) -> Box:
    step = min(max(0.0, media_ms - track.moved_ms), _MAX_STEP_MS)
    x, y, width, height = track.box
    return Box(x + track.velocity[0] * step, y + track.velocity[1] * step, width, height)
