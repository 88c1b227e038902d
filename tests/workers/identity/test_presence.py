import time
from itertools import count

import numpy as np
import pytest

from streamer.constants import CAMERA_LEASE_S
from streamer.wire.messages import CropInfo, IdentityEvent, SeenTrack, Tracks
from streamer.wire.timestamps import Timestamp, timestamp_now
from workers.classifier.classifier import Prediction
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery
from workers.identity.presence import MAX_CAMERAS, PresenceTracker
from workers.identity.strangers import Strangers

BOX = (10, 10, 80, 80)
VECTOR = np.eye(1, 128, dtype=np.float32)
NAME = "Eileen Collins"


class Scene:
    """One camera before a presence tracker, with a clock that is set by hand."""

    def __init__(self, gallery: Gallery | None, epoch: str = "run") -> None:
        self.events: list[IdentityEvent] = []
        self.now_s = 100.0
        self.stamp = timestamp_now
        self.people = PresenceTracker(
            min_votes=1.5,
            switch_margin=1.5,
            strangers=Strangers(0, 0.3, count(1).__next__),
            on_event=self.events.append,
            epoch=epoch,
            clock=lambda: self.now_s,
        )
        self.people.use_gallery(gallery, "w")

    def frame(
        self, sequence: int, tracks: tuple[int, ...], epoch: str = "e", camera: str = "door"
    ) -> None:
        self.people.take_tracks(
            Tracks(
                camera=camera,
                epoch=epoch,
                sequence=sequence,
                captured=self.stamp(),
                media_ms=sequence * 40.0,
                tracks=tuple(SeenTrack(number, BOX, True) for number in tracks),
            )
        )

    def crop(self, sequence: int, track: int, person: int | None, epoch: str = "e") -> bool | None:
        info = CropInfo(
            camera="door",
            epoch=epoch,
            track=track,
            sequence=sequence,
            captured=self.stamp(),
            media_ms=sequence * 40.0,
            box_xywh=BOX,
            quality=1.0,
        )
        prediction = Prediction(person, 0.9 if person is not None else 0.1, 0.2)
        answers = self.people.take_embeddings((info,), VECTOR, [prediction])
        return answers[0][1] if answers else None

    def enter(self, track: int, person: int | None, first: int = 1, epoch: str = "e") -> None:
        for sequence in range(first, first + 3):
            self.frame(sequence, (track,), epoch)
            self.crop(sequence, track, person, epoch)

    def kinds(self) -> list[tuple[str, str | None, str | None]]:
        return [(e.event, e.identity, e.stranger) for e in self.events]

    def present(self) -> list[tuple[str, str | None, str | None]]:
        return [
            (track.track, track.identity, track.stranger)
            for event in self.people.presence()
            for track in event.present
        ]


def test_nobody_is_there_at_first() -> None:
    scene = Scene(None)
    assert list(scene.people.presence()) == []
    scene.frame(1, ())
    (empty,) = scene.people.presence()
    assert (empty.camera, empty.epoch, empty.present) == ("door", "run", ())


def test_a_person_enters_is_seen_and_leaves(enrolled: tuple[GalleryStore, Gallery]) -> None:
    scene = Scene(enrolled[1])
    for sequence in range(1, 5):
        scene.frame(sequence, (1,))
        scene.crop(sequence, 1, 0)
    assert scene.present() == [("e-1", NAME, None)]
    scene.frame(5, ())
    assert scene.kinds() == [
        ("enter", NAME, None),
        ("update", NAME, None),
        ("update", NAME, None),
        ("exit", NAME, None),
    ]
    assert [e.number for e in scene.events] == [1, 2, 3, 4]
    assert {e.track for e in scene.events} == {"e-1"}
    assert len({e.id for e in scene.events}) == 4
    assert all(e.gallery == enrolled[1].fingerprint and e.weights == "w" for e in scene.events)
    assert scene.present() == []


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
    assert scene.present() == []
    scene.frame(2, ())
    assert scene.events == []


def test_a_crop_of_a_track_that_has_ended_is_counted_and_dropped() -> None:
    scene = Scene(None)
    scene.frame(1, (1,))
    scene.frame(2, ())
    assert scene.crop(1, 1, None) is None
    assert scene.people.embeddings.dropped == {"track_ended": 1}
    assert scene.people.embeddings.snapshot().unaccounted == 0


def test_any_snapshot_may_be_lost_and_nobody_stays_behind() -> None:
    for lost in range(1, 8):
        scene = Scene(None)
        for sequence in range(1, 8):
            if sequence != lost:
                scene.frame(sequence, (1,) if sequence < 6 else ())
            scene.crop(sequence, 1, None)
        assert [kind for kind, *_ in scene.kinds()].count("exit") == 1, lost
        assert scene.present() == []


def test_a_camera_that_falls_silent_has_nobody_before_it() -> None:
    scene = Scene(None)
    scene.enter(1, None)
    scene.now_s += CAMERA_LEASE_S * 0.9
    scene.people.expire()
    assert scene.present() != []
    scene.now_s += CAMERA_LEASE_S * 0.2
    scene.people.expire()
    assert scene.kinds()[-1] == ("exit", None, "unknown-1")
    assert scene.present() == []


def test_every_snapshot_renews_the_lease() -> None:
    scene = Scene(None)
    scene.enter(1, None)
    for sequence in range(5):
        scene.now_s += CAMERA_LEASE_S * 0.9
        scene.frame(10 + sequence, (1,))
        scene.people.expire()
    assert scene.present() != []


def test_a_capture_process_that_starts_anew_inherits_nothing(
    enrolled: tuple[GalleryStore, Gallery],
) -> None:
    scene = Scene(enrolled[1])
    scene.enter(1, 0, first=100)
    scene.frame(1, (1,), epoch="f")
    assert scene.kinds()[-1] == ("exit", NAME, None)
    assert scene.crop(1, 1, None, epoch="f") is False  # no vote of the earlier track 1 counts
    assert scene.crop(103, 1, 0) is None
    scene.frame(104, (1,))  # a late message of the run that has ended
    assert scene.people.snapshots.dropped == {"earlier_epoch": 1}
    scene.enter(1, None, first=2, epoch="f")
    assert scene.present() == [("f-1", None, "unknown-1")]
    assert scene.people.snapshots.snapshot().unaccounted == 0


def test_event_ids_differ_between_runs_of_identify() -> None:
    scenes = Scene(None, "one"), Scene(None, "two")
    for scene in scenes:
        scene.enter(1, None)
    ids = [{event.id for event in scene.events} for scene in scenes]
    assert ids[0]
    assert ids[0] & ids[1] == set()


@pytest.mark.parametrize("ahead_s", [-600, 600])
def test_an_age_is_right_though_the_cameras_host_has_another_time(ahead_s: int) -> None:
    scene = Scene(None)
    ahead_ns = ahead_s * 1_000_000_000
    scene.stamp = lambda: Timestamp(0, time.time_ns() + ahead_ns, "theirs")
    scene.enter(1, None)
    assert scene.events
    # A repeated snapshot has the stamp of its frame, however long ago that was.
    frozen = Timestamp(0, time.time_ns() + ahead_ns - 300_000_000_000, "theirs")
    scene.stamp = lambda: frozen
    scene.frame(3, (1,))
    scene.frame(4, ())
    assert [event.age_ms < 60_000 for event in scene.events[:-1]] == [True] * (
        len(scene.events) - 1
    )
    assert 300_000 <= scene.events[-1].age_ms < 360_000


def test_the_number_of_cameras_has_a_limit() -> None:
    scene = Scene(None)
    for number in range(MAX_CAMERAS + 2):
        scene.frame(1, (1,), camera=f"c{number}")
    assert scene.people.snapshots.dropped == {"too_many_cameras": 2}
    assert scene.people.snapshots.snapshot().unaccounted == 0
    scene.now_s += 100 * CAMERA_LEASE_S
    scene.people.expire()
    scene.frame(1, (1,), camera="another")
    assert scene.people.snapshots.dropped == {"too_many_cameras": 2}


def test_when_identify_stops_everybody_leaves() -> None:
    scene = Scene(None)
    scene.enter(1, None)
    scene.people.end_everything()
    assert scene.kinds()[-1] == ("exit", None, "unknown-1")
