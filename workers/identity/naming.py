"""From crops to names: each goes into its track's face, which is judged and votes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import IdentifyConfig
from streamer.wire.messages import CropInfo
from workers.classifier.classifier import Prediction
from workers.gallery.version import Gallery
from workers.identity.announcer import Announcer
from workers.identity.camera import Camera, Presence, Sighting
from workers.identity.rivals import loser
from workers.identity.strangers import Strangers
from workers.identity.template import Template
from workers.identity.vote import Vote

Vector = NDArray[np.float32]
_NOBODY = Prediction(None, 0.0, 4.0)


@dataclass(frozen=True, kw_only=True)
class Looked:
    """A crop that was taken into its face.

    judged: the face's template then, (128,), worth so many `independent` crops; None where the
    crop was put aside. quality: the votes that it brings. lost: whom the face goes on from, if
    it does with this crop.
    """

    info: CropInfo
    embedding: Vector
    camera: Camera
    person: Presence
    vote: Vote
    quality: float
    judged: Vector | None
    independent: float
    lost: Presence | None


class Namer:
    """Names tracks by the gallery in use."""

    def __init__(self, config: IdentifyConfig, strangers: Strangers, announcer: Announcer) -> None:
        self._config = config
        self._strangers = strangers
        self._announcer = announcer
        self._gallery: Gallery | None = None
        self._names: Sequence[str] = ()

    def use_gallery(self, gallery: Gallery | None) -> None:
        """Name by another gallery from now on."""
        self._gallery = gallery
        self._names = gallery.people.names if gallery is not None else ()

    def look(
        self, info: CropInfo, embedding: Vector, camera: Camera, person: Presence, now_s: float
    ) -> Looked:
        """Take a crop into its face, which may turn out to be another's, or one that was lost."""
        face, before, lost = person.face, person.face.vote, None
        look = face.look(embedding, info.quality, self._judge_one, self._names)
        if look.kind == "other":
            if person.entered is not None:
                self._announcer.tell("exit", camera, person, vote=before)
            person.begin_again(self._announcer.new_visit())
        if look.kind != "odd" and person.entered is None and not face.vote.decided:
            lost = camera.take_back(person, self._config.rejoin_s, now_s)
            if lost is not None:
                person.go_on_from(lost)
        return Looked(
            info=info,
            embedding=embedding,
            camera=camera,
            person=person,
            vote=face.vote,
            quality=look.quality,
            judged=None if look.kind == "odd" else face.template.vector,
            independent=face.template.independent,
            lost=lost,
        )

    def judge(self, looked: Sequence[Looked]) -> list[Prediction]:
        """Return a prediction for each, all at once."""
        rows = [look.judged for look in looked if look.judged is not None]
        if self._gallery is None or not rows:
            return [_NOBODY] * len(looked)
        crops = np.array([look.independent for look in looked if look.judged is not None])
        predictions = iter(self._gallery.classifier.predict(np.stack(rows), crops))
        return [_NOBODY if look.judged is None else next(predictions) for look in looked]

    def vote(self, look: Looked, prediction: Prediction) -> None:
        """Count a crop that was judged, and tell what is decided."""
        person, info, vote = look.person, look.info, look.vote
        if look.judged is not None:
            vote.take(prediction, self._names, look.quality, info.media_ms)
            if vote is person.face.vote:  # and not of a face that was another's until just now
                self._keep_apart(look)
        if vote.decided and vote is person.face.vote:
            self._name_stranger(person, look.embedding if look.judged is not None else None)
            sighting = Sighting(
                box_xywh=info.box_xywh,
                captured=info.captured,
                media_ms=info.media_ms,
                sequence=info.sequence,
            )
            kind: Literal["enter", "update"] = "update" if person.entered else "enter"
            person.entered = person.entered or info.captured
            self._announcer.tell(kind, look.camera, person, sighting)
        if look.lost is not None and not look.lost.left:
            look.lost.left = True
            self._announcer.tell("exit", look.camera, look.lost)

    def _keep_apart(self, look: Looked) -> None:
        """Let nobody be in two places before one camera."""
        others = look.camera.tracks.values()
        while (worse := loser(look.person, others, self._config.keep_margin)) is not None:
            worse.face.vote.give_up_name()
            if worse is look.person:
                break
            self._name_stranger(worse, None)
            if worse.entered is not None:
                self._announcer.tell("update", look.camera, worse)

    def _name_stranger(self, person: Presence, embedding: Vector | None) -> None:
        """Give an id to a face without a name, and none to one with it."""
        if person.face.vote.identity is not None:
            person.stranger = None
            return
        if person.stranger is None:
            person.stranger = self._strangers.name(person.face.template.vector)
        if embedding is not None:
            self._strangers.see(person.stranger, embedding)

    def _judge_one(self, template: Template) -> Prediction:
        if self._gallery is None:
            return _NOBODY
        crops = np.array([template.independent])
        return self._gallery.classifier.predict(template.vector[None], crops)[0]
