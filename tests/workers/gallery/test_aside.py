import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamer.errors import GalleryError
from workers.gallery.aside import SetAside
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery, read_version, write_manifest

NOW = "2026-01-02T03:04:05.678Z"
NAMES = ("Eileen Collins", "Grace Hopper")


@pytest.fixture
def with_aside(enrolled: tuple[GalleryStore, Gallery]) -> tuple[GalleryStore, Gallery]:
    """A version in which a crop of each is set aside, hers as too close to the other."""
    store, gallery = enrolled
    aside = SetAside()
    for name, other, value in ((NAMES[0], NAMES[1], 7), (NAMES[1], "", 9)):
        aside = aside.with_crop(
            np.full((96, 96, 3), value, np.uint8),
            person=name,
            why="close" if other else "unlike",
            other=other,
            source=f"{name}/\udcff.jpg",
            since_utc=NOW,
        )
    vouched = np.array([True, False])
    people = replace(gallery.people, aside=aside, vouched=vouched)
    with store.lock():
        version = store.add(replace(gallery, people=people), 3)
        store.activate(version)
    return store, store.read_version(version, whole=True)


def test_what_is_set_aside_is_in_the_version_and_counts_for_nothing(
    enrolled: tuple[GalleryStore, Gallery], with_aside: tuple[GalleryStore, Gallery]
) -> None:
    _, gallery = with_aside
    rows = gallery.people.aside.rows
    assert [row.person for row in rows] == [*NAMES]
    assert rows[0].reason == "nearer to Grace Hopper than to the others of Eileen Collins"
    assert rows[1].reason == "unlike the others of Grace Hopper"
    assert rows[0].source == "Eileen Collins/\\xff.jpg"
    assert [crop[0, 0, 0] for crop in gallery.people.aside.crops_rgb] == [7, 9]
    assert gallery.people.vouched.tolist() == [True, False]
    assert len(gallery.people.labels) == len(enrolled[1].people.labels)
    assert (enrolled[1].people.aside.rows, enrolled[1].people.vouched.tolist()) == ((), [False] * 2)


def test_a_version_from_before_has_nothing_set_aside(
    with_aside: tuple[GalleryStore, Gallery], folder: Path
) -> None:
    store, _ = with_aside
    old = store.folder_of("000002")
    manifest = json.loads((old / "manifest.json").read_text())
    del manifest["aside"]
    write_manifest(old, manifest)
    assert read_version(old, whole=True).people.aside.rows == ()


@pytest.mark.parametrize("damage", ["gone", "changed", "stranger", "twice", "number"])
def test_damage_is_a_line(with_aside: tuple[GalleryStore, Gallery], damage: str) -> None:
    store, gallery = with_aside
    folder = store.folder_of(gallery.version)
    manifest = json.loads((folder / "manifest.json").read_text())
    if damage == "gone":
        (folder / "aside.npz").unlink()
    elif damage == "changed":
        (folder / "aside.npz").write_bytes((folder / "aside.npz").read_bytes() + b"x")
    elif damage == "stranger":
        manifest["aside"][0]["person"] = "Nobody"
    elif damage == "twice":
        manifest["aside"][1]["id"] = manifest["aside"][0]["id"]
    else:
        manifest["aside"][0]["source"] = 3
    write_manifest(folder, manifest)
    with pytest.raises(GalleryError) as caught:
        read_version(folder, whole=True)
    assert "\n" not in str(caught.value)


def test_it_travels(with_aside: tuple[GalleryStore, Gallery], folder: Path) -> None:
    store, gallery = with_aside
    other = GalleryStore(folder / "other" / "gallery")
    with store.lock(), other.lock():
        store.export(gallery.version, folder / "all.zip")
        there = other.import_(folder / "all.zip")
    assert there.people.aside.rows == gallery.people.aside.rows
    assert np.array_equal(there.people.aside.crops_rgb, gallery.people.aside.crops_rgb)


def test_who_is_forgotten_leaves_nothing_aside_and_whom_others_were_too_close_to(
    with_aside: tuple[GalleryStore, Gallery], folder: Path
) -> None:
    store, gallery = with_aside
    gone = gallery.people.aside.crops_rgb[0].tobytes()
    shutil.copytree(store.folder, folder / "copy" / "gallery")
    with store.lock():
        store.forget("Eileen Collins")
    kept = store.read()
    assert kept is not None
    assert [row.person for row in kept.people.aside.rows] == ["Grace Hopper"]
    assert kept.people.vouched.tolist() == [False]
    other = GalleryStore(folder / "copy" / "gallery")
    with other.lock():
        other.forget("Grace Hopper")
    kept = other.read()
    assert kept is not None
    assert kept.people.aside.rows == ()  # the picture was nearer to her: it may show her
    assert not any(gone in path.read_bytes() for path in other.folder.rglob("*.npz"))


def test_ids_are_short_different_and_asked_for_by_person(
    with_aside: tuple[GalleryStore, Gallery],
) -> None:
    aside = with_aside[1].people.aside
    first, second = aside.rows
    assert len({first.id, second.id}) == 2
    rows, crops = aside.chosen("Eileen Collins", [first.id, first.id])
    assert rows == [first]
    assert crops.shape == (1, 96, 96, 3)
    with pytest.raises(GalleryError, match=f"no crop '{second.id}'.*There are: {first.id}"):
        aside.chosen("Eileen Collins", [second.id])
    same = aside.with_crop(
        aside.crops_rgb[0],
        person=first.person,
        why="unlike",
        other="",
        source=first.source,
        since_utc=NOW,
    )
    assert len({row.id for row in same.rows}) == 3
