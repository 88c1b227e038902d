import time
from itertools import count

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.config.sections import IdentifyConfig
from streamer.constants import CAMERA_LEASE_S
from streamer.wire.messages import CropInfo, IdentityEvent, SeenTrack, Tracks
from streamer.wire.timestamps import Timestamp, timestamp_now
from workers.classifier.classifier import Calibration, Classifier, HoldoutMetrics
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.scorers import LinearScorer
from workers.gallery.people import People
from workers.gallery.version import Gallery
from workers.identity.camera import MAX_LOST
from workers.identity.face import Likeness
from workers.identity.presence import MAX_CAMERAS, PresenceTracker
from workers.identity.strangers import Strangers

CONFIG = IdentifyConfig(exit_after_s=0.0)
NAME = "Eileen Collins"
OTHER = "Grace Hopper"


@pytest.fixture
def gallery() -> Gallery:
    """Of two people, who look like the first two unit vectors and nothing else."""
    vectors, labels = np.eye(2, 128, dtype=np.float32), np.arange(2, dtype=np.int32)
    return Gallery(
        version="000001",
        fingerprint="f",
        weights="w",
        created_utc="",
        people=People(
            names=(NAME, OTHER),
            embeddings=vectors,
            labels=labels,
            sources=("a", "b"),
            crops=np.zeros((2, 96, 96, 3), np.uint8),
        ),
        classifier=Classifier(
            scorer=LinearScorer(10 * vectors, np.full(2, -5, np.float32)),
            calibration=Calibration(1.0, 0.0, 0.0),
            gallery=vectors,
            labels=labels,
            threshold=0.5,
            holdout=HoldoutMetrics(),
        ),
        spec=ClassifierSpec(),
    )


class Scene:
    """One camera before a presence tracker, with a clock that is set by hand."""

    def __init__(
        self, gallery: Gallery | None, epoch: str = "run", config: IdentifyConfig = CONFIG
    ) -> None:
        self.events: list[IdentityEvent] = []
        self.now_s = 100.0
        self.stamp = timestamp_now
        self.vector: NDArray[np.float32] | None = None
        self.people = PresenceTracker(
            config=config,
            likeness=Likeness(same=0.8, unlike=1.3, other=1.6, spread=0.8),
            strangers=Strangers(0, 0.3, count(1).__next__),
            on_event=self.events.append,
            epoch=epoch,
            clock=lambda: self.now_s,
        )
        self.people.use_gallery(gallery, "w")

    def frame(
        self,
        sequence: int,
        tracks: tuple[int, ...],
        epoch: str = "e",
        camera: str = "door",
        expected: tuple[int, ...] = (),
    ) -> None:
        """Take a snapshot of tracks, of which some are not found but only `expected`."""
        self.people.take_tracks(
            Tracks(
                camera=camera,
                epoch=epoch,
                sequence=sequence,
                captured=self.stamp(),
                media_ms=sequence * 40.0,
                tracks=tuple(
                    SeenTrack(number, (100 * number, 10, 80, 80), number not in expected)
                    for number in tracks
                ),
            )
        )

    def crop(
        self,
        sequence: int,
        track: int,
        person: int | None,
        epoch: str = "e",
        looks: int | None = None,
    ) -> bool | None:
        """Take a crop of a person, or of a stranger: each looks unlike all others."""
        info = CropInfo(
            camera="door",
            epoch=epoch,
            track=track,
            sequence=sequence,
            captured=self.stamp(),
            media_ms=sequence * 40.0,
            box_xywh=(100 * track, 10, 80, 80),
            quality=1.0,
        )
        looks = 10 + track if looks is None else looks
        vector = np.eye(128, dtype=np.float32)[[looks if person is None else person]]
        answers = self.people.take_embeddings(
            (info,), vector if self.vector is None else self.vector
        )
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


def test_a_person_enters_is_seen_and_leaves(gallery: Gallery) -> None:
    scene = Scene(gallery)
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
    assert all(e.gallery == gallery.fingerprint and e.weights == "w" for e in scene.events)
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


def test_a_capture_process_that_starts_anew_inherits_nothing(gallery: Gallery) -> None:
    scene = Scene(gallery)
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


def test_a_name_that_another_track_goes_on_with_neither_leaves_nor_enters_twice(
    gallery: Gallery,
) -> None:
    scene = Scene(gallery, config=IdentifyConfig(exit_after_s=1.0, rejoin_s=5.0))
    scene.enter(1, 0)
    scene.frame(4, ())
    assert scene.present() == [("e-1", NAME, None)]  # not yet gone for good
    scene.frame(5, (2,))
    scene.crop(5, 2, 0)
    story = [(e.event, e.track, e.identity, e.visit, e.joined) for e in scene.events[-2:]]
    visit = scene.events[0].visit
    assert story == [("enter", "e-2", NAME, visit, "e-1"), ("exit", "e-1", NAME, visit, None)]
    assert scene.present() == [("e-2", NAME, None)]
    scene.now_s += 60
    scene.frame(2000, (2,))
    assert scene.events[-1].track == "e-1"  # its exit is not told again
    assert scene.present() == [("e-2", NAME, None)]


def test_one_who_comes_back_after_the_exit_is_the_same_visit_for_a_while(gallery: Gallery) -> None:
    scene = Scene(gallery, config=IdentifyConfig(exit_after_s=1.0, rejoin_s=5.0))
    scene.enter(1, None)
    scene.frame(4, ())
    scene.frame(40, ())  # 1.4 s later
    assert scene.kinds()[-1] == ("exit", None, "unknown-1")
    scene.frame(41, (2,))
    scene.crop(41, 2, None, looks=11)
    assert (scene.events[-1].event, scene.events[-1].joined) == ("enter", "e-1")
    assert scene.events[-1].visit == scene.events[0].visit
    assert scene.present() == [("e-2", None, "unknown-1")]
    scene.frame(42, ())
    scene.frame(300, (3,))  # 10 s later
    for sequence in (300, 301, 302):
        scene.crop(sequence, 3, None, looks=11)
    assert scene.events[-1].visit != scene.events[0].visit
    assert scene.present() == [("e-3", None, "unknown-2")]


def test_an_exit_comes_though_the_camera_stands_still(gallery: Gallery) -> None:
    scene = Scene(gallery, config=IdentifyConfig(exit_after_s=1.0))
    scene.enter(1, 0)
    scene.frame(4, ())
    scene.people.expire()
    assert scene.kinds()[-1][0] == "update"
    scene.now_s += 1.1
    scene.people.expire()
    assert scene.kinds()[-1] == ("exit", NAME, None)
    assert scene.present() == []


def test_a_track_that_is_only_expected_goes_on_as_one_that_is_found(gallery: Gallery) -> None:
    scene = Scene(gallery)
    scene.enter(1, 0)
    scene.frame(4, (1, 2), expected=(1,))
    scene.crop(4, 2, 0)
    assert [(e.event, e.track) for e in scene.events[-2:]] == [("enter", "e-2"), ("exit", "e-1")]
    scene.frame(5, (2,))
    assert scene.present() == [("e-2", NAME, None)]


def test_somebody_else_does_not_go_on_from_one_who_left(gallery: Gallery) -> None:
    scene = Scene(gallery, config=IdentifyConfig(exit_after_s=1.0))
    scene.enter(1, 0)
    scene.frame(4, ())
    scene.enter(2, 1, first=5)
    assert [(e.event, e.identity, e.joined) for e in scene.events[-2:]] == [
        ("enter", OTHER, None),
        ("update", OTHER, None),
    ]
    assert scene.present() == [("e-1", NAME, None), ("e-2", OTHER, None)]


@pytest.mark.parametrize(("person", "name"), [(1, "Grace Hopper"), (None, None)])
def test_a_track_with_another_person_under_it_is_another_visit_with_the_second_crop(
    gallery: Gallery, person: int | None, name: str | None
) -> None:
    scene = Scene(gallery)
    for sequence in range(1, 41):
        scene.frame(sequence, (1,))
        scene.crop(sequence, 1, 0)
    first = scene.events[0].visit
    scene.frame(41, (1,))
    assert scene.crop(41, 1, person) is False  # look again soon
    assert scene.present() == [("e-1", NAME, None)]
    scene.frame(42, (1,))
    scene.crop(42, 1, person)
    exit_, enter = scene.events[-2:]
    assert (exit_.event, exit_.identity, exit_.visit) == ("exit", NAME, first)
    assert (enter.event, enter.identity) == ("enter", name)
    assert enter.visit != first
    assert {e.track for e in scene.events} == {"e-1"}


def test_one_crop_unlike_the_others_changes_nothing(gallery: Gallery) -> None:
    scene = Scene(gallery)
    for sequence in range(1, 41):
        scene.frame(sequence, (1,))
        scene.crop(sequence, 1, 1 if sequence % 5 == 0 else 0)
    assert {(e.identity, e.visit) for e in scene.events} == {(NAME, scene.events[0].visit)}
    assert [e.event for e in scene.events].count("enter") == 1


def test_two_at_once_are_not_one_person_and_the_better_keeps_the_name(gallery: Gallery) -> None:
    scene = Scene(gallery)
    like = np.zeros((1, 128), np.float32)
    like[0, [0, 50]] = 0.8, 0.6  # somebody who looks like the first of the two
    scene.vector = like
    for sequence in range(1, 5):
        scene.frame(sequence, (1,))
        scene.crop(sequence, 1, None)
    assert scene.present() == [("e-1", NAME, None)]
    scene.vector = None
    for sequence in range(5, 9):
        scene.frame(sequence, (1, 2))
        scene.vector = like
        scene.crop(sequence, 1, None)
        scene.vector = None
        scene.crop(sequence, 2, 0)
    assert scene.present() == [("e-1", None, "unknown-1"), ("e-2", NAME, None)]
    scene.frame(9, (1,))
    scene.vector = like
    for sequence in range(9, 12):
        scene.crop(sequence, 1, None)
    assert scene.present() == [("e-1", NAME, None)]


def test_two_faces_that_change_tracks_as_they_cross_keep_their_names(gallery: Gallery) -> None:
    scene = Scene(gallery)
    for sequence in range(1, 21):
        scene.frame(sequence, (1, 2))
        scene.crop(sequence, 1, 0)
        scene.crop(sequence, 2, 1)
    assert scene.present() == [("e-1", NAME, None), ("e-2", OTHER, None)]
    for sequence in range(21, 26):
        scene.frame(sequence, (1, 2))
        scene.crop(sequence, 1, 1)
        scene.crop(sequence, 2, 0)
    assert scene.present() == [("e-1", OTHER, None), ("e-2", NAME, None)]


def test_a_face_that_is_anothers_within_one_batch_takes_no_name_from_those_without(
    gallery: Gallery,
) -> None:
    scene = Scene(gallery)
    for sequence in range(1, 5):
        scene.frame(sequence, (1, 2))
        scene.crop(sequence, 1, 0)
        scene.crop(sequence, 2, None)
    told = len(scene.events)
    crops = tuple(
        CropInfo(
            camera="door", epoch="e", track=1, sequence=sequence, captured=scene.stamp(),
            media_ms=sequence * 40.0, box_xywh=(100, 10, 80, 80), quality=1.0,
        )
        for sequence in (5, 6, 7)
    )  # fmt: skip
    scene.people.take_embeddings(crops, np.eye(128, dtype=np.float32)[[0, 50, 50]])
    assert [(e.event, e.track, e.identity) for e in scene.events[told:]] == [
        ("exit", "e-1", NAME), ("enter", "e-1", None),
    ]  # fmt: skip
    assert ("e-2", None, "unknown-1") in scene.present()


def test_what_is_remembered_of_tracks_that_ended_has_a_limit() -> None:
    scene = Scene(None, config=IdentifyConfig(exit_after_s=60.0, rejoin_s=60.0))
    for number in range(1, 3 * MAX_LOST):
        scene.frame(2 * number, (number,))
        for _ in range(2):
            scene.crop(2 * number, number, None, looks=number % 120)
        scene.frame(2 * number + 1, ())
    assert len(scene.present()) <= MAX_LOST
    entered = [e.track for e in scene.events if e.event == "enter"]
    scene.people.end_everything()
    assert sorted(e.track for e in scene.events if e.event == "exit") == sorted(entered)
    assert scene.present() == []
