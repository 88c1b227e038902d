"""Names in a clip, as live video gives them: follow, cut, vote.

It takes the same steps with the same settings as a camera whose crops are answered at once:
`FaceFollower`, `CropScheduler`, `measure_crop`, the classifier, `Vote`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import Config
from streamer.tracking.follow import FaceFollower
from streamer.tracking.scheduler import CropScheduler
from streamer.tracking.track import Track
from streamer.view.annotate import Label
from streamer.vision.align import Alignment
from streamer.vision.boxes import Box
from streamer.vision.quality import MeasuredCrop, measure_crop
from trainer.offline.predictions import FileRow, Outcome
from workers.classifier.classifier import Prediction
from workers.identity.vote import Vote

Predict = Callable[[Sequence[NDArray[np.uint8]]], list[Prediction]]


@dataclass
class FollowedFace:
    """One face of a clip: its votes, its best crop, and when and where it was seen."""

    vote: Vote
    best: MeasuredCrop
    first_box: Box
    first_s: float
    last_s: float

    def label(self, box: Box) -> Label:
        """Make what is drawn on a frame that has the face in this box."""
        vote = self.vote
        return Label(box.rounded(), vote.identity, None, vote.probability, vote.decided)

    def row(self, file: str, number: int) -> FileRow:
        """Make the row of what is known at the clip's end."""
        vote = self.vote
        outcome: Outcome = "undecided"
        if vote.decided:
            outcome = "unknown" if vote.identity is None else "named"
        return FileRow(
            file=file,
            face=number,
            outcome=outcome,
            identity=vote.identity,
            probability=vote.probability if vote.decided else None,
            squared_distance=vote.squared_distance,
            box_xywh=self.first_box.rounded(),
            first_s=round(self.first_s, 3),
            last_s=round(self.last_s, 3),
        )


class ClipNamer:
    """Names the faces of one clip, frame by frame; `faces` are those so far, by number.

    `predict` names crops, (96, 96, 3) uint8 RGB each, cut by `alignment`, by people of `names`.
    """

    def __init__(
        self, config: Config, predict: Predict, names: Sequence[str], alignment: Alignment
    ) -> None:
        self._identify = config.identify
        self._min_sharpness = config.capture.min_sharpness
        self._follower = FaceFollower(config.detect, config.track)
        # Answers come at once, so that no time-out matters.
        self._scheduler = CropScheduler(config.capture, answer_ms=0.0)
        self._predict = predict
        self._names = names
        self._alignment = alignment
        self._frames = 0
        self.faces: dict[int, FollowedFace] = {}

    def take(self, image_bgr: NDArray[np.uint8], media_ms: float) -> list[Label]:
        """Take the next frame, (height, width, 3) uint8; return what is to be drawn on it."""
        self._frames += 1
        tracks = [t for t in self._follower.update(image_bgr, media_ms) if t.found]
        for number in self._follower.take_ended():
            self._scheduler.forget(number)
        due: list[tuple[Track, MeasuredCrop]] = []
        for track in tracks:
            crop = self._see(image_bgr, track, media_ms)
            if crop is not None:
                due.append((track, crop))
        predictions = self._predict([crop.crop_rgb for _, crop in due]) if due else []
        for (track, crop), prediction in zip(due, predictions, strict=True):
            vote = self.faces[track.number].vote
            vote.take(prediction, self._names, crop.quality)
            self._scheduler.sent(track.number, self._frames, media_ms, media_ms)
            self._scheduler.answered(track.number, self._frames, vote.certain)
        return [self.faces[track.number].label(track.box) for track in tracks]

    def _see(
        self, image_bgr: NDArray[np.uint8], track: Track, media_ms: float
    ) -> MeasuredCrop | None:
        """Note a face that was found; return its crop if it is to vote."""
        due = self._scheduler.skip_reason(track.number, media_ms, media_ms) is None
        face = self.faces.get(track.number)
        if face is not None:
            face.last_s = media_ms / 1000
            if not due:
                return None
        crop = measure_crop(image_bgr, self._follower.face_of(track), self._alignment)
        if face is None:
            vote = Vote(self._identify.min_votes, self._identify.switch_margin)
            seconds = media_ms / 1000
            self.faces[track.number] = FollowedFace(vote, crop, track.box, seconds, seconds)
        elif crop.quality > face.best.quality:
            face.best = crop
        return crop if due and crop.sharpness >= self._min_sharpness else None
