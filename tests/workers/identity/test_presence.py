import numpy as np

from streamer.wire.messages import CropInfo, IdentityEvent, SeenTrack, Tracks
from streamer.wire.timestamps import timestamp_now
from workers.classifier.classifier import Prediction
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery
from workers.identity.presence import PresenceTracker
from workers.identity.strangers import Strangers

BOX = (10, 10, 80, 80)
VECTOR = np.eye(1, 128, dtype=np.float32)


class Scene:
    def __init__(self, gallery: Gallery | None) -> None:
        self.events: list[IdentityEvent] = []
        self.people = PresenceTracker(1.5, 1.5, Strangers(0, 0.3), self.events.append)
        self.people.use_gallery(gallery, "w")

    def frame(self, sequence: int, tracks: tuple[int, ...], ended: tuple[int, ...] = ()) -> None:
        seen = tuple(SeenTrack(number, BOX, True) for number in tracks)
        self.people.take_tracks(
            Tracks("door", sequence, timestamp_now(), sequence * 40.0, (640, 480), seen, ended)
        )

    def crop(self, sequence: int, track: int, person: int | None) -> bool | None:
        info = CropInfo("door", track, sequence, timestamp_now(), sequence * 40.0, BOX, 1.0)
        prediction = Prediction(person, 0.9 if person is not None else 0.1, 0.2)
        answers = self.people.take_embeddings((info,), VECTOR, [prediction])
        return answers[0][1] if answers else None

    def kinds(self) -> list[tuple[str, str | None, str | None]]:
        return [(e.event, e.identity, e.stranger) for e in self.events]


def test_a_person_enters_is_seen_and_leaves(enrolled: tuple[GalleryStore, Gallery]) -> None:
    scene = Scene(enrolled[1])
    for sequence in range(1, 5):
        scene.frame(sequence, (1,))
        scene.crop(sequence, 1, 0)
    scene.frame(5, (), (1,))
    name = "Eileen Collins"
    assert scene.kinds() == [
        ("enter", name, None),
        ("update", name, None),
        ("update", name, None),
        ("exit", name, None),
    ]
    assert [e.number for e in scene.events] == [1, 2, 3, 4]
    assert all(e.gallery == enrolled[1].fingerprint and e.weights == "w" for e in scene.events)


def test_a_stranger_has_an_id_and_no_name() -> None:
    scene = Scene(None)
    for sequence in range(1, 4):
        scene.frame(sequence, (1, 2))
        scene.crop(sequence, 1, None)
        scene.crop(sequence, 2, None)
    assert {(e.identity, e.stranger) for e in scene.events} == {
        (None, "unknown-1"),
        (None, "unknown-2"),
    }


def test_without_a_decision_there_is_no_event() -> None:
    scene = Scene(None)
    scene.frame(1, (1,))
    scene.crop(1, 1, None)
    scene.frame(2, (), (1,))
    assert scene.events == []


def test_a_crop_of_a_track_that_has_ended_is_counted_and_dropped() -> None:
    scene = Scene(None)
    scene.frame(1, (1,))
    scene.frame(2, (), (1,))
    assert scene.crop(1, 1, None) is None
    assert scene.people.counters.dropped == {"track_ended": 1}
    assert scene.people.counters.snapshot().unaccounted == 0


def test_a_capture_process_that_starts_anew_ends_the_old_tracks() -> None:
    scene = Scene(None)
    for sequence in range(100, 104):
        scene.frame(sequence, (1,))
        scene.crop(sequence, 1, None)
    scene.frame(1, (1,))
    assert scene.kinds()[-1] == ("exit", None, "unknown-1")


def test_labels_are_for_who_is_in_this_frame(enrolled: tuple[GalleryStore, Gallery]) -> None:
    scene = Scene(enrolled[1])
    for sequence in range(1, 5):
        scene.frame(sequence, (1, 2))
        scene.crop(sequence, 1, 0)
        scene.crop(sequence, 2, None)
    seen = (SeenTrack(1, BOX, True), SeenTrack(2, BOX, False), SeenTrack(9, BOX, True))
    labels = scene.people.labels(Tracks("door", 9, timestamp_now(), 0.0, (640, 480), seen, ()))
    assert [label.text for label in labels] == ["Eileen Collins 90.00%"]
