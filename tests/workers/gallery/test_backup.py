"""A backup is restored as it was; whatever is wrong with it changes nothing, nor does a kill."""

import hashlib
import io
import json
import multiprocessing
import random
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from streamer.config.loading import load_config
from streamer.config.replacement import COPIES, finish_replacement, only_one
from streamer.constants import HISTORY_FILE, WEBHOOKS_FILE
from streamer.errors import BackupError, GalleryError
from streamer.files import open_to_others, write_file
from streamer.history import queries
from streamer.history.database import history
from streamer.webhooks.store import WebhookStore
from tests.integration.forked import forking
from tests.integration.long_work import restore_until_change, write_history
from tests.trainer.enrolment.forgotten import NAME
from workers.gallery.backup import back_up
from workers.gallery.restore import restore
from workers.gallery.store import GalleryStore


@pytest.fixture
def data(folder: Path, traces: Path) -> Path:
    shutil.copytree(traces, folder / "var")
    with GalleryStore(folder / "var" / "gallery").lock():
        pass  # removes what a killed writer has left there
    return folder / "var"


def state(data: Path) -> dict[str, object]:
    """What people, programs and processes see of a data folder, but for what is not backed up."""
    found: dict[str, object] = {
        str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((data / "gallery").rglob("*"))
        if path.is_file()
    }
    if (data / HISTORY_FILE).exists():
        with history(data / HISTORY_FILE) as connection:
            found["visits"] = queries.visits(connection, queries.Wanted())
            found["crops"] = connection.execute("SELECT id, pixels FROM crops").fetchall()
    if (data / WEBHOOKS_FILE).exists():
        with WebhookStore(data / WEBHOOKS_FILE) as store:
            found["deliveries"] = store.all()
    return found


def test_what_was_there_is_there_again_and_what_is_newer_is_gone(folder: Path, data: Path) -> None:
    write_file(data / "weights.npz", b"stays")
    write_file(data / "paused.json", b"[]")
    before, out = state(data), folder / "b.zip"
    manifest = back_up(data, out)
    assert out.stat().st_mode & 0o777 == 0o600
    with GalleryStore(data / "gallery").lock():
        assert GalleryStore(data / "gallery").forget(NAME)
    (data / "paused.json").unlink()
    (data / "control" / "00000001-a").mkdir(parents=True)
    assert state(data) != before
    assert restore(data, out) == manifest
    assert state(data) == before
    assert (data / "paused.json").read_bytes() == b"[]"
    assert (data / "weights.npz").read_bytes() == b"stays"
    assert not (data / "control").exists(), "a change of then is none of now"
    assert not (data / "reports").exists()
    assert list(data.glob(".*")) == []
    restore(folder / "new" / "var", out)  # on another machine
    assert state(folder / "new" / "var") == before
    assert open_to_others(folder / "new") == []


def test_an_empty_data_folder_is_backed_up_too(folder: Path, data: Path) -> None:
    (folder / "none").mkdir()
    back_up(folder / "none", folder / "b.zip")
    restore(data, folder / "b.zip")
    assert state(data) == {}
    with pytest.raises(BackupError, match="nothing is there yet"):
        back_up(folder / "nowhere", folder / "b.zip")


def test_a_backup_is_as_of_one_moment_while_others_write(folder: Path, data: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=write_history, args=(data / HISTORY_FILE,)
    )
    process.start()
    try:
        for number in range(4):
            back_up(data, folder / f"{number}.zip")
    finally:
        process.kill()
        process.join()
    for number in range(4):
        restore(folder / "other", folder / f"{number}.zip")
        with closing(sqlite3.connect(folder / "other" / HISTORY_FILE)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_where_none_can_be_made_it_is_said(folder: Path, data: Path) -> None:
    for out, words in ((data / "b.zip", "must not be below"), (folder / "x" / "b", "that exists")):
        with pytest.raises(BackupError, match=words):
            back_up(data, out)
    with only_one(data), pytest.raises(BackupError, match="another backup"):
        back_up(data, folder / "b.zip")
    (crops,) = (data / "gallery" / "versions" / "000003").glob("crops.npz")
    crops.write_bytes(crops.read_bytes()[:-1])
    with pytest.raises(GalleryError, match="is damaged"):
        back_up(data, folder / "b.zip")
    shutil.rmtree(data / "gallery")
    (data / HISTORY_FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(BackupError, match=r"history.sqlite3.*not a database"):
        back_up(data, folder / "b.zip")
    assert list(folder.glob("*b.zip")) == list(data.glob(".*")) == []


Members = dict[str, bytes]
MANIFEST = "backup.json"


def _manifest(**more: object) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        members[MANIFEST] = json.dumps({**json.loads(members[MANIFEST]), **more}).encode()

    return change


def _put(name: str, content: bytes) -> Callable[[Members], None]:
    """Put a file in that the manifest knows: whoever made it can count."""

    def change(members: Members) -> None:
        members[name] = content
        manifest = json.loads(members[MANIFEST])
        digest = hashlib.sha256(content).hexdigest()
        manifest["files"][name] = {"bytes": len(content), "sha256": digest}
        members[MANIFEST] = json.dumps(manifest).encode()

    return change


def _database(number: int) -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("CREATE TABLE a (b)")
        return connection.serialize()


WRONG: list[tuple[Callable[[Members], Any], str]] = [
    (lambda members: members.pop(MANIFEST), "is no backup"),
    (_manifest(kind="other"), "is no backup"),
    (_manifest(format=2), "its format must be 1, and it is 2"),
    (_manifest(files={}), "its files are not those"),
    (_manifest(files=3), "no backup, or damaged"),
    (lambda members: members.pop(HISTORY_FILE), "its files are not those"),
    (lambda members: members.update({HISTORY_FILE: b"x"}), "is damaged"),
    (
        lambda members: members.update({HISTORY_FILE: members[HISTORY_FILE][:-1] + b"?"}),
        "history.sqlite3 was changed",
    ),
    (_put("../x", b""), "or no backup: '../x'"),
    (_put("gallery/versions/000003/../../x", b""), "or no backup"),
    (_put("/etc/x", b""), "or no backup"),
    (_put("run/events", b""), "or no backup"),
    (_put("gallery/versions/000003/.x", b""), "or no backup"),
    (_put("gallery/current", b"000009\n"), "no version"),
    (_put("gallery/versions/000003/manifest.json", b"{}"), "manifest is damaged"),
    (_put("gallery/versions/000001/manifest.json", b'{"format": 9}'), "its format must be"),
    (_put("gallery/notes.json", b"{}"), "what was noted of people is damaged"),
    (_put(HISTORY_FILE, b"no database"), "history.sqlite3 is damaged"),
    (_put(HISTORY_FILE, _database(99)), "history.*a newer facestream"),
    (_put(WEBHOOKS_FILE, _database(99)), "queue.*a newer facestream"),
]


def test_what_is_wrong_with_a_backup_is_one_line_and_nothing_has_changed(
    folder: Path, data: Path
) -> None:
    out, wrong, before = folder / "b.zip", folder / "wrong.zip", state(data)
    back_up(data, out)
    with zipfile.ZipFile(out) as archive:
        good = {name: archive.read(name) for name in archive.namelist()}

    def refused(words: str) -> None:
        with pytest.raises(BackupError, match=words) as caught:
            restore(data, wrong)
        assert str(caught.value).startswith(str(wrong))
        assert "\n" not in str(caught.value)
        assert state(data) == before
        assert list(data.glob(".*")) == []

    for change, words in WRONG:
        members = dict(good)
        change(members)
        with zipfile.ZipFile(wrong, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        refused(words)
    whole = out.read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2], whole[:-30]):
        wrong.write_bytes(content)
        refused("no backup, or damaged")
    wrong.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    refused("damaged")
    with GalleryStore(data / "gallery").lock():
        GalleryStore(data / "gallery").export("000003", wrong)
    refused("is no backup")


def test_the_old_or_the_new_is_there_at_whichever_change_it_is_killed(
    folder: Path, data: Path
) -> None:
    out, old = folder / "b.zip", folder / "old"
    shutil.rmtree(data / "gallery" / "versions" / "000004")
    back_up(data, out)
    new = state(data)
    shutil.copytree(data, old)
    with GalleryStore(old / "gallery").lock():
        GalleryStore(old / "gallery").forget(NAME)
    before, seen = state(old), {"old": 0, "new": 0}
    (folder / "config.toml").write_text('[cameras.door]\nsource = "demo"\n')
    with forking("tests.integration.long_work") as context:
        number = random.randint(1, 4)  # noqa: S311 (no secret)
        while True:
            shutil.rmtree(data)
            shutil.copytree(old, data)
            process = context.Process(target=restore_until_change, args=(data, out, number))
            process.start()
            process.join()
            load_config(folder / "config.toml")  # as every command and process does first
            assert list(data.glob(".*")) == []
            found = state(data)
            assert found in (before, new), f"a mixture after change {number}"
            if process.exitcode == 0:
                break
            seen["old" if found == before else "new"] += 1
            number += 4 if found == before else 1  # most of them write into the new state
    assert seen["old"] > 3
    assert seen["new"] > 10


def test_a_backup_that_was_killed_leaves_nothing(folder: Path, data: Path) -> None:
    (data / COPIES).mkdir()
    (data / COPIES / "history.sqlite3").write_bytes(b"faces")
    with only_one(data):
        (data / COPIES).mkdir()
        finish_replacement(data)  # somebody else is at it
        assert (data / COPIES).exists()
    finish_replacement(data)
    assert not (data / COPIES).exists()
    finish_replacement(folder / "none")


def test_the_archive_can_be_opened_by_others(folder: Path, data: Path) -> None:
    back_up(data, folder / "b.zip")
    with zipfile.ZipFile(folder / "b.zip") as archive:
        assert archive.testzip() is None
        listed = json.loads(archive.read(MANIFEST))["files"]
        assert {*archive.namelist()} == {*listed, MANIFEST}
        held = io.BytesIO(archive.read("gallery/versions/000003/manifest.json"))
        assert NAME in json.load(held)["people"]
