import hashlib
import io
import json
import random
import shutil
import zipfile
from dataclasses import asdict, replace
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


@pytest.mark.parametrize("name", ["numbers.npz", "crops.npz", "manifest.json"])
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
    with pytest.raises(GalleryError) as caught:
        read_version(path.parent, whole=True)
    assert "\n" not in str(caught.value)
    if name == "crops.npz":
        gallery = enrolled[0].load(enrolled[1].weights)
        assert gallery is not None  # who is identified needs no pictures
        with pytest.raises(GalleryError, match=r"crops\.npz"):
            _ = gallery.people.crops_rgb


def test_a_manifest_cannot_point_outside(enrolled: Enrolled, folder: Path) -> None:
    store, gallery = enrolled
    shutil.copytree(folder / "gallery" / "versions" / "000001", folder / "elsewhere")
    (folder / "gallery" / "current").write_text("../../elsewhere")
    with pytest.raises(GalleryError):
        store.load(gallery.weights)


def test_limits_for_tracks_are_kept(enrolled: Enrolled) -> None:
    store, gallery = enrolled
    limits = gallery.classifier.limits
    assert limits is not None
    assert limits.raised[-1] > 0
    read = store.read()
    assert read is not None
    assert read.classifier.limits == limits
    probe, crops = gallery.people.embeddings, np.full(len(gallery.people.labels), 4.0)
    assert read.classifier.predict(probe, crops) == gallery.classifier.predict(probe, crops)
    assert [p.lead for p in read.classifier.predict(probe, crops)] != [
        p.lead for p in read.classifier.predict(probe)
    ]


def test_what_was_said_of_held_out_crops_is_kept(enrolled: Enrolled) -> None:
    store, gallery = enrolled
    said, read = gallery.classifier.held_out, store.read()
    assert said is not None
    assert read is not None
    assert read.classifier.held_out is not None
    assert np.array_equal(read.classifier.held_out.person, said.person)
    assert np.array_equal(read.classifier.held_out.probability, said.probability)
    beyond = replace(said, person=np.full_like(said.person, len(gallery.people.names)))
    with store.lock():
        version = store.add(
            replace(gallery, classifier=replace(gallery.classifier, held_out=beyond)), 9
        )
    with pytest.raises(GalleryError, match="what was said of its held-out crops"):
        store.read_version(version)


def test_swapped_names_are_refused(enrolled: Enrolled, folder: Path) -> None:
    path = folder / "gallery" / "versions" / "000002" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "people": manifest["people"][::-1]}))
    with pytest.raises(GalleryError, match="manifest was changed"):
        enrolled[0].load(enrolled[1].weights)


def test_the_fingerprint_is_of_names_and_numbers(enrolled: Enrolled, folder: Path) -> None:
    store, gallery = enrolled
    named = replace(gallery.people, names=("Grace Hopper", "Eileen Collins"))
    with store.lock():
        same = store.read_version(store.add(gallery, 3))
        other = store.read_version(store.add(replace(gallery, people=named), 4))
    assert same.fingerprint == gallery.fingerprint != other.fingerprint


def write_format_2(folder: Path, gallery: Gallery) -> None:
    """Write a version as 0.1 did: one file of arrays, sources and no seal in the manifest."""
    folder.mkdir(parents=True)
    classifier, people = gallery.classifier, gallery.people
    numbers = classifier.calibration
    buffer = io.BytesIO()
    np.savez(
        buffer,
        crops_rgb=people.crops_rgb,
        embeddings=people.embeddings,
        owner=people.labels,
        calibration=np.array(
            [numbers.margin, numbers.squared_distance, numbers.offset, classifier.threshold]
        ),
        **{f"scorer_{name}": array for name, array in classifier.scorer.arrays().items()},  # type: ignore[arg-type]
    )
    (folder / "arrays.npz").write_bytes(buffer.getvalue())
    manifest = {
        "format": 2,
        "version": folder.name,
        "parent": None,
        "created_utc": "2026-01-02T03:04:05.678Z",
        "weights": gallery.weights,
        "classifier": asdict(gallery.spec),
        "expected": asdict(classifier.holdout),
        "people": list(people.names),
        "sources": list(people.sources),
        "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    (folder / "manifest.json").write_text(text, encoding="utf-8")


def test_versions_of_0_1_are_read_carried_and_forgotten(enrolled: Enrolled, folder: Path) -> None:
    gallery = enrolled[1]
    old = GalleryStore(folder / "old" / "gallery")
    write_format_2(old.folder / "versions" / "000001", gallery)
    old.activate("000001")
    read = old.load(gallery.weights)
    assert read is not None
    assert read.people.names == gallery.people.names
    assert read.people.sources == gallery.people.sources
    assert np.array_equal(read.people.crops_rgb, gallery.people.crops_rgb)
    probe = gallery.people.embeddings
    assert read.classifier.predict(probe) == gallery.classifier.predict(probe)
    assert read.classifier.limits is None  # it judges tracks as it did
    assert read.classifier.held_out is None
    arrays = (old.folder_of("000001") / "arrays.npz").read_bytes()
    assert read.fingerprint == hashlib.sha256(arrays).hexdigest()[:12]
    other = GalleryStore(folder / "other")
    with old.lock(), other.lock():
        old.export("000001", folder / "out.zip")
        imported = other.import_(folder / "out.zip")
        assert imported.fingerprint == read.fingerprint
        assert old.forget("Eileen Collins") is not None
    left = old.load(gallery.weights)
    assert left is not None
    assert left.people.names == ("Grace Hopper",)


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
    (store.folder_of("000003") / "numbers.npz").write_bytes(b"half")
    with pytest.raises(GalleryError):
        store.load(gallery.weights)
    assert store.before("000003") == "000001"
    (store.folder_of("000003") / "manifest.json").write_bytes(b"half")
    assert store.before("000003") == "000002"
    with pytest.raises(GalleryError):
        store.activate("000003")
    with pytest.raises(GalleryError, match="no version '000009'"):
        store.activate("000009")


def test_a_version_is_carried_to_another_store_and_not_put_in_use(
    enrolled: Enrolled, folder: Path
) -> None:
    store, gallery = enrolled
    with store.lock():
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
            archive.writestr("numbers.npz", arrays.getvalue())
    with store.lock(), pytest.raises(GalleryError):
        store.import_(path)
    assert store.versions() == ["000001", "000002"]
    assert not (folder / "gallery" / "evil.csv").exists()
    assert not list((folder / "gallery" / "versions").glob(".partial*"))


def test_an_imported_version_has_no_parent_here(enrolled: Enrolled, folder: Path) -> None:
    store, gallery = enrolled
    assert gallery.parent == "000001"
    other = GalleryStore(folder / "other")
    with store.lock(), other.lock():
        store.export("000002", folder / "out.zip")
        for _ in range(2):
            imported = other.import_(folder / "out.zip")
    assert (imported.version, imported.parent, imported.imported) == ("000002", None, True)
    with pytest.raises(GalleryError, match="was imported"):
        other.before(imported.version)


def test_a_damaged_export_is_one_clear_line_or_still_right(
    enrolled: Enrolled, folder: Path
) -> None:
    store, gallery = enrolled
    other, path = GalleryStore(folder / "other"), folder / "out.zip"
    with store.lock():
        store.export("000002", path)
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(folder / "deflated.zip", "w") as packed:
        for name in whole.namelist():
            packed.writestr(name, whole.read(name), zipfile.ZIP_DEFLATED)
    rng, refused = random.Random(7), 0  # noqa: S311 (no secret)
    for source in (path, folder / "deflated.zip"):
        content = source.read_bytes()
        directory = content.rindex(b"PK\x01\x02")
        for turn in range(200):
            place = rng.randrange(directory - 400 if turn % 2 else 0, len(content))
            damaged = bytearray(content)
            damaged[place] ^= 1 << rng.randrange(8)
            (folder / "damaged.zip").write_bytes(damaged)
            with other.lock():
                try:
                    found = other.import_(folder / "damaged.zip")
                except GalleryError as error:
                    refused += 1
                    assert "\n" not in str(error)
                else:  # the bit was of a contact sheet's name, say
                    assert found.fingerprint == gallery.fingerprint
                    other.remove(found.version)
    assert refused > 200
    assert other.versions() == []
