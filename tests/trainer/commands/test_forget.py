import json
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from typer.testing import CliRunner

from streamer.commands.app import load_app
from streamer.constants import WEBHOOKS_FILE
from streamer.errors import FacestreamError
from streamer.webhooks.store import WebhookStore
from tests.trainer.enrolment.forgotten import NAME, OTHERS, needles, search
from workers.gallery.store import GalleryStore


@pytest.fixture
def data(traces: Path, folder: Path) -> Iterator[Path]:
    """A copy of the folder with traces, and a config beside it."""
    shutil.copytree(traces, folder / "var")
    (folder / "config.toml").write_text('[cameras.door]\nsource = "demo"\n')
    yield folder / "var"


def facestream(data: Path, *arguments: str) -> str:
    """Run a command in this process; what it says."""
    config = str(data.parent / "config.toml")
    done = CliRunner().invoke(load_app(), ["--config", config, *arguments])
    if done.exception is not None:
        raise done.exception
    return done.output


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("in_use", ["000001", "000002", "000003", "000004"])
def test_nothing_is_left_of_who_is_forgotten(
    data: Path, in_use: str, form: Literal["NFC", "NFD"]
) -> None:
    wanted, store = needles(data), GalleryStore(data / "gallery")
    before = "\n".join(search(data, wanted))
    assert all(f": {what}" in before for what in ("name, NFC, utf-8", "name, NFC, utf-32-le"))
    assert all(f": {what}" in before for what in ("file name, NFC", "crop", "embedding"))
    store.activate(in_use)
    names = {*store.read_version(in_use).people.names}
    said = facestream(data, "forget", unicodedata.normalize(form, NAME))
    assert search(data, wanted) == []
    for deleted in ("hers.zip", "all.zip", "work", "refused/Zo", "reports/gallery-000003"):
        assert deleted in unicodedata.normalize("NFC", said)
    assert "gallery 000001; nobody else" in said or in_use == "000001"
    current = store.read()
    assert current is not None
    assert {*current.people.names} == names & OTHERS
    assert current.version not in ("000001", "000002", "000003", "000004")
    kept = [store.read_version(version, whole=True) for version in store.versions()]
    assert {name for gallery in kept for name in gallery.people.names} == OTHERS
    for gallery in kept:
        people = gallery.people
        named = {p.candidate for p in gallery.classifier.predict(people.embeddings)}
        assert named == {*range(len(people.names))} or not people.names
    assert "webhooks: 2 deliveries" in said
    with WebhookStore(data / WEBHOOKS_FILE) as queue:
        assert [each.body for each in queue.all()] == [b"Grace Hopper enters at door"]
    assert (data / "reports" / "dataset-y").is_dir()
    assert (data / "refused" / "Unlike_Anybody").is_dir()
    with pytest.raises(FacestreamError, match="is not enrolled"):
        facestream(data, "forget", NAME)


def test_others_of_a_version_that_is_not_in_use_stay(data: Path) -> None:
    store = GalleryStore(data / "gallery")
    store.activate("000001")
    facestream(data, "forget", NAME)
    current = store.read()
    assert current is not None
    assert current.people.names == ()
    newest = max(
        (store.read_version(version) for version in store.versions()),
        key=lambda gallery: len(gallery.people.names),
    )
    assert {*newest.people.names} == OTHERS
    assert newest.parent is not None
    assert store.read_version(newest.parent).people.names == ("Grace Hopper",)
    table = (store.folder_of(newest.version) / "enrolment.csv").read_text()
    assert "Third Person" in table
    assert [p.name for p in store.folder_of(newest.version).glob("sheet-*")] == [
        "sheet-001-Third_Person.jpg"
    ]


def test_a_name_that_nobody_has_deletes_nothing(data: Path) -> None:
    files = sorted(data.rglob("*"))
    with pytest.raises(FacestreamError, match="'Zoe' is not enrolled"):
        facestream(data, "forget", "Zoe")
    left = sorted(data.rglob("*"))
    assert [path for path in files if path not in left and ".partial-" not in str(path)] == []


@pytest.mark.parametrize("damaged", ["manifest.json", "numbers.npz", "crops.npz"])
def test_a_damaged_version_is_no_hindrance(data: Path, damaged: str) -> None:
    wanted, store = needles(data), GalleryStore(data / "gallery")
    assert store.current_version() == "000003"
    (store.folder_of("000003") / damaged).write_bytes(b"half")
    facestream(data, "forget", NAME)
    assert search(data, wanted) == []
    current = store.read()
    assert current is not None
    assert current.people.names == ("Grace Hopper",)


@pytest.mark.parametrize("left", ["work", "refused", "reports", "hers.zip", "history", "webhooks"])
def test_each_trace_alone_is_found(data: Path, left: str) -> None:
    wanted = needles(data)
    for path in data.iterdir():
        if path.name != left:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert search(data, wanted)
    assert left in facestream(data, "forget", NAME)
    assert search(data, wanted) == []


@pytest.mark.parametrize("command", [["forget", NAME], ["forget", "Grace Hopper"]])
def test_what_was_killed_is_finished_and_said(data: Path, command: list[str]) -> None:
    wanted, store = needles(data), GalleryStore(data / "gallery")
    (store.folder / "forgetting-0123456789abcdef.json").write_text(json.dumps({"name": NAME}))
    said = facestream(data, *command)
    assert all(f"{name} is forgotten" in said for name in {NAME, command[1]})
    assert search(data, wanted) == []


def test_the_others_are_fitted_anew(data: Path) -> None:
    store = GalleryStore(data / "gallery")
    said = facestream(data, "forget", NAME)
    current = store.read()
    assert current is not None
    assert f"gallery {current.version} is in use, fitted anew" in said
    assert current.classifier.holdout.crops == len(current.people.labels)
    assert current.parent is not None
    assert store.read_version(current.parent).people.names == ("Grace Hopper",)
