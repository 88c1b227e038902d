import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from streamer.errors import GalleryError
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.impostors import Impostors
from workers.gallery.people import People
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery, read_version

Enrolled = tuple[GalleryStore, Gallery]


def test_before_the_first_version_there_is_none(folder: Path) -> None:
    store = GalleryStore(folder / "gallery")
    assert store.current_version() is None
    assert store.load("abc") is None
    assert store.read() is None


def test_versions_follow_each_other_and_old_ones_stay(enrolled: Enrolled, folder: Path) -> None:
    store, gallery = enrolled
    assert gallery.people.names == ("Eileen Collins", "Grace Hopper")
    assert store.current_version() == gallery.version == "000002"
    first = read_version(folder / "gallery" / "versions" / "000001")
    assert first.people.names == ("Eileen Collins",)
    assert first.fingerprint != gallery.fingerprint


def test_other_weights_are_refused_with_the_command_that_helps(enrolled: Enrolled) -> None:
    with pytest.raises(GalleryError, match="facestream rebuild"):
        enrolled[0].load("other")


@pytest.mark.parametrize("name", ["arrays.npz", "manifest.json"])
@pytest.mark.parametrize("damage", ["gone", "cut", "changed", "nonsense"])
def test_a_damaged_version_is_refused(
    enrolled: Enrolled, folder: Path, name: str, damage: str
) -> None:
    path = folder / "gallery" / "versions" / "000002" / name
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "nonsense":
        path.write_bytes(b"[]")
    else:
        path.write_bytes(content.replace(b"Grace", b"Gra") if name[0] == "m" else content + b"x")
    if (name, damage) == ("manifest.json", "changed"):
        return  # a name is text like any other
    with pytest.raises(GalleryError) as caught:
        enrolled[0].load(enrolled[1].weights)
    assert "\n" not in str(caught.value)


def test_a_manifest_cannot_point_outside(enrolled: Enrolled, folder: Path) -> None:
    store, gallery = enrolled
    shutil.copytree(folder / "gallery" / "versions" / "000001", folder / "elsewhere")
    (folder / "gallery" / "current").write_text("../../elsewhere")
    with pytest.raises(GalleryError):
        store.load(gallery.weights)


def test_to_forget_takes_a_person_out_of_every_version(
    enrolled: Enrolled, folder: Path, impostors: Impostors
) -> None:
    store, gallery = enrolled
    with store.lock():
        left = gallery.people.without_person("Eileen Collins")
        saved = store.save(left, gallery.weights, impostors, ClassifierSpec())
        dropped = store.drop_versions_with("Eileen Collins")
    assert dropped == ["000001", "000002"]
    assert saved.people.names == ("Grace Hopper",)
    assert [p.name for p in (folder / "gallery" / "versions").iterdir()] == ["000003"]
    manifest = json.loads(
        (folder / "gallery" / "versions" / "000003" / "manifest.json").read_text()
    )
    assert "Eileen Collins" not in json.dumps(manifest)


def test_people_with_and_without() -> None:
    crops, vectors = np.zeros((2, 96, 96, 3), np.uint8), np.eye(2, 128, dtype=np.float32)
    people = People.nobody().with_person("A", crops, vectors, ["a", "b"])
    people = people.with_person("B", crops, vectors, ["c", "d"])
    people = people.with_person("A", crops[:1], vectors[:1], ["e"])
    assert people.labels.tolist() == [0, 0, 1, 1, 0]
    left = people.without_person("A")
    assert (left.names, left.labels.tolist(), left.sources) == (("B",), [0, 0], ("c", "d"))
    with pytest.raises(GalleryError, match="Enrolled: A, B"):
        people.without_person("C")


def test_back_to_the_version_before_even_from_a_broken_one(
    enrolled: Enrolled, folder: Path, impostors: Impostors
) -> None:
    store, gallery = enrolled
    assert gallery.parent == "000001"
    assert store.before("000002") == "000001"
    with pytest.raises(GalleryError, match="no whole version before"):
        store.before("000001")
    store.activate("000001")
    with store.lock():
        people = gallery.people.without_person("Grace Hopper")
        third = store.save(people, gallery.weights, impostors, ClassifierSpec())
    assert (third.version, third.parent) == ("000003", "000001")
    (store.folder_of("000003") / "arrays.npz").write_bytes(b"half")
    with pytest.raises(GalleryError):
        store.load(gallery.weights)
    assert store.before("000003") == "000002"
    with pytest.raises(GalleryError):
        store.activate("000003")
    with pytest.raises(GalleryError, match="no version '000009'"):
        store.activate("000009")


def test_a_version_is_carried_to_another_store_and_not_put_in_use(
    enrolled: Enrolled, folder: Path
) -> None:
    store, gallery = enrolled
    store.export("000002", folder / "out.zip")
    other = GalleryStore(folder / "other")
    with other.lock():
        found = other.import_(folder / "out.zip")
    assert found.people.names == gallery.people.names
    assert found.fingerprint == gallery.fingerprint
    assert other.current_version() is None
    other.activate(found.version)
    probe = gallery.people.embeddings
    assert other.load(gallery.weights) is not None
    assert found.classifier.predict(probe) == gallery.classifier.predict(probe)


@pytest.mark.parametrize("damage", ["cut", "pickle", "outside", "nothing"])
def test_an_import_that_is_not_whole_changes_nothing(
    enrolled: Enrolled, folder: Path, damage: str
) -> None:
    store, _ = enrolled
    path = folder / "x.zip"
    store.export("000002", path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-500])
    elif damage == "nothing":
        path.write_bytes(b"")
    else:
        arrays = io.BytesIO()
        np.savez(arrays, labels=np.array([print], object))
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("../evil.csv" if damage == "outside" else "manifest.json", "{}")
            archive.writestr("arrays.npz", arrays.getvalue())
    with store.lock(), pytest.raises(GalleryError):
        store.import_(path)
    assert store.versions() == ["000001", "000002"]
    assert not (folder / "gallery" / "evil.csv").exists()
    assert not list((folder / "gallery" / "versions").glob(".partial*"))
