"""Who each track is, from the events: what the view process writes beside a face."""

from streamer.view.annotate import Label
from streamer.wire.epochs import track_id
from streamer.wire.messages import FaceInPicture, FrameOffer, IdentityEvent, PresenceEvent

MAX_CAMERAS = 1024


class LabelBook:
    """The latest word on every track that is present, by camera.

    Presence snapshots say who is there; identity events say it sooner.
    """

    def __init__(self) -> None:
        self._tracks: dict[str, dict[str, tuple[str | None, str | None, float]]] = {}

    def take_presence(self, snapshot: PresenceEvent) -> None:
        """Replace what is known of a camera."""
        if snapshot.camera in self._tracks or len(self._tracks) < MAX_CAMERAS:
            self._tracks[snapshot.camera] = {
                present.track: (present.identity, present.stranger, present.probability)
                for present in snapshot.present
            }

    def take_event(self, event: IdentityEvent) -> None:
        """Learn of one track; a camera that no snapshot has named yet can wait for it."""
        tracks = self._tracks.get(event.camera)
        if tracks is None:
            return
        if event.event == "exit":
            tracks.pop(event.track, None)
        else:
            tracks[event.track] = (event.identity, event.stranger, event.probability)

    def faces(self, offer: FrameOffer, scale: float) -> tuple[FaceInPicture, ...]:
        """Return every face found, in pixels of a picture `scale` times as large."""
        tracks = self._tracks.get(offer.camera, {})
        faces = []
        for seen in offer.tracks:
            if not seen.found:
                continue
            track = track_id(offer.epoch, seen.track)
            identity, stranger, probability = tracks.get(track, (None, None, None))
            x, y, width, height = (round(value * scale) for value in seen.box_xywh)
            faces.append(
                FaceInPicture(
                    track=track,
                    box_xywh=(x, y, width, height),
                    identity=identity,
                    stranger=stranger,
                    probability=probability,
                )
            )
        return tuple(faces)

    def labels(self, offer: FrameOffer, scale: float) -> list[Label]:
        """Return a label for every face found, in pixels of a picture `scale` times as large."""
        return [
            Label(
                face.box_xywh,
                face.identity,
                face.stranger,
                face.probability or 0.0,
                face.probability is not None,
            )
            for face in self.faces(offer, scale)
        ]
