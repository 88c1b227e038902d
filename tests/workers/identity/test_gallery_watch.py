import logging
import time
from pathlib import Path

import pytest

from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery
from workers.identity.gallery_watch import GalleryChange, GalleryWatcher

Enrolled = tuple[GalleryStore, Gallery]
GENEROUS_S = 60.0


def taken(watcher: GalleryWatcher) -> GalleryChange:
    until = time.monotonic() + GENEROUS_S
    while time.monotonic() < until:
        change = watcher.take()
        if change is not None:
            return change
        time.sleep(0.005)
    pytest.fail("no gallery was taken up")


def version_of(change: GalleryChange | None) -> str | None:
    return change.gallery.version if change and change.gallery else None


def test_nobody_enrolled_is_known_at_once(folder: Path) -> None:
    with GalleryWatcher(GalleryStore(folder / "gallery"), "w") as watcher:
        assert watcher.take() == GalleryChange(None)
        assert watcher.take() is None


def test_each_version_that_is_put_in_use_is_taken_up_once(enrolled: Enrolled) -> None:
    store, gallery = enrolled
    with GalleryWatcher(store, gallery.weights, check_s=0.01) as watcher:
        assert version_of(watcher.take()) == "000002"
        assert watcher.take() is None
        store.activate("000001")
        assert version_of(taken(watcher)) == "000001"
        (store.folder / "current").unlink()
        assert taken(watcher) == GalleryChange(None)


def test_another_version_of_the_same_number_is_taken_up(enrolled: Enrolled) -> None:
    store, gallery = enrolled
    with GalleryWatcher(store, gallery.weights, check_s=0.01) as watcher:
        watcher.take()
        without = gallery.classifier.without_person(0)
        people = gallery.people.without_person("Eileen Collins")
        store.remove("000002")
        changed = Gallery(**{**vars(gallery), "classifier": without, "people": people})
        store.activate(store.add(changed, 2))
        change = taken(watcher)
        assert change.gallery is not None
        assert change.gallery.people.names == ("Grace Hopper",)


@pytest.mark.parametrize("damage", ["number", "content", "weights"])
def test_what_cannot_be_used_is_logged_once_and_the_next_is_taken_up(
    enrolled: Enrolled, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    store, gallery = enrolled
    weights = "others" if damage == "weights" else gallery.weights
    if damage == "content":
        (store.folder_of("000002") / "numbers.npz").write_bytes(b"half")
    if damage == "number":
        (store.folder / "current").write_text("000009\n")
    with caplog.at_level(logging.ERROR), GalleryWatcher(store, weights, check_s=0.01) as watcher:
        assert watcher.take() is None
        if damage == "weights":
            fitting = Gallery(**{**vars(gallery), "weights": weights})
            store.activate(store.add(fitting, 3))
        else:
            store.activate("000001")
        assert version_of(taken(watcher)) == ("000003" if damage == "weights" else "000001")
    assert [record.message for record in caplog.records if "stays as it is" in record.message]
    assert len(caplog.records) == 1
