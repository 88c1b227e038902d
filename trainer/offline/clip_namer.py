"""Names in a clip, as live video gives them: follow, cut, judge, vote.

It takes the same steps with the same settings as a camera whose crops are answered at once:
`FaceFollower`, `CropScheduler`, `measure_crop`, the classifier, `Face`. What takes several faces
of a camera, joining and keeping them apart, it leaves out.
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
from workers.identity.face import Face, Likeness
from workers.identity.template import Template
from workers.identity.vote import Vote

Embed = Callable[[Sequence[NDArray[np.uint8]]], NDArray[np.float32]]
Judge = Callable[[NDArray[np.float32], NDArray[np.float64]], list[Prediction]]


@dataclass
class FollowedFace:
    """One face of a clip: its votes, its best crop, and when and where it was seen."""

    face: Face
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

    `embed` makes (n, 128) of crops, (96, 96, 3) uint8 RGB each, cut by `alignment`; `judge` names
    means of so many independent crops, as `Classifier.predict` does, by people of `names`.
    """

    def __init__(
        self,
        config: Config,
        *,
        embed: Embed,
        judge: Judge,
        names: Sequence[str],
        alignment: Alignment,
        likeness: Likeness,
    ) -> None:
        self._identify = config.identify
        self._min_sharpness = config.capture.min_sharpness
        self._follower = FaceFollower(config.detect, config.track)
        # Answers come at once, so that no time-out matters.
        self._scheduler = CropScheduler(config.capture, answer_ms=0.0)
        self._embed = embed
        self._judge = judge
        self._names = names
        self._alignment = alignment
        self._likeness = likeness
        self._frames = 0
        self._number_of: dict[int, int] = {}
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
        embeddings = self._embed([crop.crop_rgb for _, crop in due]) if due else np.empty((0, 128))
        for (track, crop), embedding in zip(due, embeddings, strict=True):
            certain = self._count(track, crop, embedding, media_ms)
            self._scheduler.sent(track.number, self._frames, media_ms, media_ms)
            self._scheduler.answered(track.number, self._frames, certain)
        return [self.faces[self._number_of[track.number]].label(track.box) for track in tracks]

    def _count(
        self, track: Track, crop: MeasuredCrop, embedding: NDArray[np.float32], media_ms: float
    ) -> bool:
        """Take a crop into its face, which may be another's then; return if it is certain."""
        followed = self.faces[self._number_of[track.number]]
        face = followed.face
        look = face.look(embedding, crop.quality, self._judge_one, self._names)
        if look.kind == "other":
            self._follow(track, crop, face, media_ms)
        if look.kind != "odd":
            face.vote.take(self._judge_one(face.template), self._names, look.quality, media_ms)
        return face.certain

    def _judge_one(self, template: Template) -> Prediction:
        return self._judge(template.vector[None], np.array([template.independent]))[0]

    def _follow(self, track: Track, crop: MeasuredCrop, face: Face, media_ms: float) -> None:
        number = len(self.faces) + 1
        self._number_of[track.number] = number
        self.faces[number] = FollowedFace(
            face, face.vote, crop, track.box, media_ms / 1000, media_ms / 1000
        )

    def _see(
        self, image_bgr: NDArray[np.uint8], track: Track, media_ms: float
    ) -> MeasuredCrop | None:
        """Note a face that was found; return its crop if it is to vote."""
        due = self._scheduler.skip_reason(track.number, media_ms, media_ms) is None
        face = self.faces.get(self._number_of.get(track.number, 0))
        if face is not None:
            face.last_s = media_ms / 1000
            if not due:
                return None
        crop = measure_crop(image_bgr, self._follower.face_of(track), self._alignment)
        if face is None:
            self._follow(track, crop, Face(self._identify, self._likeness), media_ms)
        elif crop.quality > face.best.quality:
            face.best = crop
        return crop if due and crop.sharpness >= self._min_sharpness else None
