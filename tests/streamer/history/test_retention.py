from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from streamer.history import queries
from streamer.history.corrections import people
from streamer.history.database import history, history_file
from streamer.history.queries import Wanted
from streamer.history.retention import retain, used_bytes
from streamer.history.writer import Writer
from tests.streamer.history.heard import ALL, BEGIN_NS, LIMITS, crops, event

NOW_MS = BEGIN_NS // 1_000_000
DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def writer(folder: Path) -> Iterator[Writer]:
    """Visits of Bob and of a stranger, the even tracks, one a day."""
    now_ms = NOW_MS
    writer = Writer(history_file(folder), ALL, LIMITS, utc_ms=lambda: now_ms)
    for day in range(10):
        now_ms = NOW_MS + day * DAY_MS
        who = "Bob" if day % 2 else None
        for crop in crops(day, 0.5, 0.9):
            writer.take_crop(crop)
        stranger = None if who else f"unknown-{day // 5 + 1}"
        writer.hear(event("enter", day, who, stranger, at_s=day * 86_400))
    now_ms = NOW_MS
    writer.flush()
    yield writer
    writer.close()


def tracks(folder: Path) -> list[tuple[str, int]]:
    with history(history_file(folder)) as connection:
        return [(row["track"], row["crops"]) for row in queries.visits(connection, Wanted())]


def test_what_is_young_and_little_stays(writer: Writer, folder: Path) -> None:
    with history(history_file(folder)) as connection:
        assert retain(connection, LIMITS, NOW_MS) == 0
    assert len(tracks(folder)) == 10


def test_strangers_go_first_and_then_everybody(writer: Writer, folder: Path) -> None:
    with history(history_file(folder)) as connection:
        limits = replace(LIMITS, keep_days=8, strangers_days=4)
        assert retain(connection, limits, NOW_MS + 9 * DAY_MS + 1) == 2 + 2
        assert [stranger.name for stranger in people(connection, "w").strangers] == ["unknown-2"]
    assert tracks(folder) == [
        ("t-2", 0), ("t-3", 1), ("t-4", 0), ("t-5", 1), ("t-6", 2), ("t-7", 1), ("t-8", 2),
        ("t-9", 1),
    ]  # fmt: skip


def test_strangers_that_may_not_be_kept_any_more_go_at_once(writer: Writer, folder: Path) -> None:
    with history(history_file(folder)) as connection:
        retain(connection, replace(LIMITS, strangers_days=0), NOW_MS + 9 * DAY_MS + 1)
        assert people(connection, "w").strangers == ()
    assert [count for _, count in tracks(folder)] == [0, 1] * 5


def test_no_reader_leaves_what_is_deleted_in_the_log_for_long(writer: Writer, folder: Path) -> None:
    path = history_file(folder)
    log = path.with_name(path.name + "-wal")
    limits = replace(LIMITS, strangers_days=4)
    with history(path) as connection, history(path) as reader:
        connection.execute("PRAGMA busy_timeout = 10")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM visits").fetchall()
        (crop,) = crops(50, 0.5)
        writer.take_crop(crop)
        writer.hear(event("enter", 50, None, "unknown-9"))
        writer.flush()
        assert retain(connection, limits, NOW_MS + 9 * DAY_MS)
        assert crop.embedding in log.read_bytes()
        reader.execute("COMMIT")
        assert retain(connection, limits, NOW_MS + 9 * DAY_MS) == 0
        assert crop.embedding not in log.read_bytes() + path.read_bytes()


def test_beyond_its_size_the_oldest_go_and_the_file_shrinks(writer: Writer, folder: Path) -> None:
    path = history_file(folder)
    with history(path) as connection:
        before = used_bytes(connection)
        limit = before // 2
        while retain(connection, replace(LIMITS, max_bytes=limit), NOW_MS):
            pass
        assert used_bytes(connection) <= limit
        left = [track for track, _ in tracks(folder)]
        assert left == [f"t-{day}" for day in range(10 - len(left), 10)]
        assert left
    assert path.stat().st_size < before
