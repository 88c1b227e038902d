import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamer.errors import HistoryError
from streamer.history import queries
from streamer.history.corrections import name_stranger, not_this_person
from streamer.history.database import files_of, history, history_file, transaction
from streamer.history.forgetting import SHEET, forget, holds
from streamer.history.queries import Wanted
from streamer.history.writer import Writer
from tests.streamer.history.heard import ALL, LIMITS, crops, event, gallery

NAME = "Zoë Kühn"
NFD = "Zoe\u0308 Ku\u0308hn"


@pytest.fixture
def writer(folder: Path) -> Iterator[Writer]:
    """A history with her, others and strangers, rearranged, partly deleted, being written."""
    writer = Writer(history_file(folder), ALL, LIMITS)
    tracks = itertools.count(1)
    for turn in range(30):
        for who in (NAME, "Bob", None):
            track = next(tracks)
            for crop in crops(track, 0.5, 0.9):
                writer.take_crop(crop)
            stranger = None if who else f"unknown-{turn // 10 + 1}"
            writer.hear(event("enter", track, who, stranger))
            writer.hear(event("exit", track, who, stranger, at_s=1))
        writer.flush()
    with history(history_file(folder)) as connection:
        name_stranger(connection, "unknown-2", NAME, snapshots=True)
        not_this_person(connection, 1, NAME, keep=True)
        with transaction(connection):
            connection.execute("DELETE FROM visits WHERE id % 7 = 0")
            connection.execute("INSERT INTO ignored VALUES (?, 1)", (NAME,))
    yield writer
    writer.close()


def bytes_of(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in files_of(path) if file.exists())


@pytest.mark.parametrize("form", [NAME, NFD, f" {NAME} "])
def test_no_byte_is_left_although_it_is_being_written(
    writer: Writer, folder: Path, form: str
) -> None:
    path = history_file(folder)
    with history(path) as connection:
        kept = queries.crops_of_person(connection, NAME)
        others = queries.crops_of_person(connection, "Bob")
    wanted = [NAME.encode(), *(crop.embedding.tobytes() for crop in kept)]
    wanted += [crop.crop_rgb.tobytes()[:512] for crop in kept]
    before = bytes_of(path)
    assert len(kept) > 20
    assert all(needle in before for needle in wanted)
    sheets = [path.with_name(SHEET), path.with_name(f".4711.{SHEET}")]  # one half written
    for sheet in sheets:
        sheet.write_bytes(b"a picture of all strangers")
    assert holds(path, form)
    assert forget(path, form, 2) > 20
    assert not holds(path, form)
    after = bytes_of(path)
    assert [needle for needle in wanted if needle in after] == []
    assert not any(sheet.exists() for sheet in sheets)
    assert all(crop.embedding.tobytes() in after for crop in others)
    assert forget(path, form, 2) == 0


def test_a_running_pipeline_does_not_bring_the_name_back_until_it_is_enrolled_again(
    writer: Writer, folder: Path
) -> None:
    path = history_file(folder)
    forget(path, NAME, 5)
    writer.hear(event("update", 500, NAME))
    writer.hear(gallery("000004", "Bob", NAME))
    writer.hear(event("exit", 500, NAME))
    writer.flush()
    assert not holds(path, NAME)
    assert NAME.encode() not in bytes_of(path)
    assert writer.events.snapshot().dropped["forgotten"] == 2
    for nonsense in ("", "-7", "seven", "9" * 128):
        writer.hear(gallery(nonsense, NAME))
    writer.flush()
    assert writer.fault == ""
    writer.hear(gallery("000005", "Bob", NAME))
    writer.hear(event("enter", 501, NAME))
    writer.flush()
    assert holds(path, NAME)


def test_a_damaged_history_is_deleted_as_a_whole(folder: Path) -> None:
    path = history_file(folder)
    path.parent.mkdir()
    path.write_bytes(b"half of it" * 1000)
    assert holds(path, NAME) is None
    assert forget(path, NAME, 1) == 0
    assert [file for file in files_of(path) if file.exists()] == []


def test_one_rotten_page_leaves_nothing_of_the_name_and_loses_nothing_for_nothing(
    writer: Writer, folder: Path
) -> None:
    path = history_file(folder)
    writer.close()
    whole = path.read_bytes()
    assert NAME.encode() in whole
    deleted = 0
    pages = range(0, len(whole), 4096)
    for start in [*pages[:12], *pages[12::9]]:
        for rot in (bytes(4096), b"\xa5" * 4096, whole[start : start + 2000] + b"\xa5" * 2096):
            path.write_bytes(whole[:start] + rot + whole[start + 4096 :])
            forget(path, NAME, 1)
            assert NAME.encode() not in bytes_of(path)
            deleted += not path.exists()
            for file in files_of(path):
                file.unlink(missing_ok=True)
    assert 5 < deleted < len(pages)


def test_a_history_of_a_newer_facestream_is_not_taken_for_a_damaged_one(
    writer: Writer, folder: Path
) -> None:
    path = history_file(folder)
    with history(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    for act in (lambda: holds(path, NAME), lambda: forget(path, NAME, 1)):
        with pytest.raises(HistoryError, match="a newer facestream wrote it"):
            act()
    assert NAME.encode() in path.read_bytes()


def test_without_a_history_there_is_nothing_to_do(folder: Path) -> None:
    assert holds(history_file(folder), NAME) is False
    assert forget(history_file(folder), NAME, 1) == 0
    assert list(folder.iterdir()) == []


def test_strangers_of_the_others_stay_known(writer: Writer, folder: Path) -> None:
    path = history_file(folder)
    forget(path, NAME, 2)
    with history(path) as connection:
        assert {person.name for person in queries.kept_strangers(connection)} == {
            "unknown-1", "unknown-3",
        }  # fmt: skip
        assert {row["identity"] for row in queries.visits(connection, Wanted())} == {"Bob", None}


def test_who_was_forgotten_is_itself_forgotten_after_a_day(writer: Writer, folder: Path) -> None:
    from streamer.history.retention import retain

    path = history_file(folder)
    forget(path, NAME, 2)
    with history(path) as connection:
        now_ms = time.time_ns() // 1_000_000
        retain(connection, LIMITS, now_ms)
        assert connection.execute("SELECT count(*) FROM forgotten").fetchone() == (1,)
        retain(connection, LIMITS, now_ms + 25 * 3600 * 1000)
        assert connection.execute("SELECT count(*) FROM forgotten").fetchone() == (0,)
