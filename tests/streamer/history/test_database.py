import sqlite3
import stat
from pathlib import Path

import pytest

from streamer.errors import HistoryError
from streamer.history.database import (
    MIGRATIONS,
    files_of,
    history,
    history_file,
    open_history,
    transaction,
)


def test_the_files_are_the_owners_alone(folder: Path) -> None:
    path = history_file(folder)
    with history(path, make=True) as connection:
        with transaction(connection):
            connection.execute("INSERT INTO ignored VALUES ('Zoë', 1)")
        there = [file for file in files_of(path) if file.exists()]
        assert len(there) == 3
        assert {stat.S_IMODE(file.stat().st_mode) for file in there} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_deleting_overwrites_and_writing_does_not_wait_for_reading(folder: Path) -> None:
    with history(history_file(folder), make=True) as connection:
        for pragma, value in (("secure_delete", 1), ("journal_mode", "wal"), ("foreign_keys", 1)):
            assert connection.execute(f"PRAGMA {pragma}").fetchone()[0] == value
        assert connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)


def test_there_is_none_until_it_is_made(folder: Path) -> None:
    with pytest.raises(HistoryError, match="there is no history yet; `facestream run` writes it"):
        open_history(history_file(folder))
    assert list(folder.iterdir()) == []


def test_one_of_a_later_version_is_refused_and_left_alone(folder: Path) -> None:
    path = history_file(folder)
    with history(path, make=True) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(HistoryError, match="a newer facestream wrote it"):
        open_history(path, make=True)


@pytest.mark.parametrize("content", [b"x" * 4096, b"SQLite format 3\0" + b"\1" * 8000])
def test_a_damaged_one_is_told_of_in_one_line(folder: Path, content: bytes) -> None:
    path = history_file(folder)
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(HistoryError, match=r"is damaged .*; move the file away") as told:
        open_history(path)
    assert "\n" not in str(told.value)
    assert path.read_bytes() == content


def test_two_that_make_it_at_once_make_one(folder: Path) -> None:
    path = history_file(folder)
    first, second = (open_history(path, make=True) for _ in range(2))
    salts = [c.execute("SELECT value FROM meta WHERE key = 'salt'").fetchone() for c in
             (first, second)]  # fmt: skip
    assert salts[0] == salts[1]
    first.close()
    second.close()


def test_a_write_that_fails_leaves_nothing(folder: Path) -> None:
    with history(history_file(folder), make=True) as connection:
        with pytest.raises(sqlite3.IntegrityError), transaction(connection):
            connection.execute("INSERT INTO ignored VALUES ('Zoë', 1)")
            connection.execute("INSERT INTO ignored VALUES ('Zoë', NULL)")
        assert connection.execute("SELECT count(*) FROM ignored").fetchone() == (0,)
