import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamer.history.corrections import ignore, name_stranger
from streamer.history.database import history, history_file
from streamer.history.writer import Writer
from streamer.wire.messages import CorrectionEvent
from tests.streamer.history.heard import ALL, LIMITS, crops, event
from workers.identity.history_watch import NOBODY, HistoryChange, HistoryWatcher

PATIENCE_S = 60


@pytest.fixture
def path(folder: Path) -> Iterator[Path]:
    """A history with two strangers, one of them named before."""
    path = history_file(folder)
    writer = Writer(path, ALL, LIMITS)
    for track in (1, 2):
        for crop in crops(track, 0.5):
            writer.take_crop(crop)
        writer.hear(event("enter", track, None, f"unknown-{track}"))
    writer.flush()
    writer.close()
    with history(path) as connection:
        name_stranger(connection, "unknown-1", "Zoë", snapshots=False)
    yield path


def wait(watcher: HistoryWatcher) -> HistoryChange:
    until = time.monotonic() + PATIENCE_S
    while (change := watcher.take()) is None:
        assert time.monotonic() < until, "nothing came"
        time.sleep(0.01)
    return change


def test_what_is_there_at_first_is_known_and_not_published(path: Path) -> None:
    with HistoryWatcher(path, "w") as watcher:
        change = watcher.take()
        assert watcher.take() is None
    assert change is not None
    assert [stranger.name for stranger in change.people.strangers] == ["unknown-2"]
    assert change.people.gone == {"unknown-1"}
    assert change.corrections == ()


def test_what_is_said_meanwhile_is_published_once(path: Path) -> None:
    with HistoryWatcher(path, "w", 0.02) as watcher:
        watcher.take()
        with history(path) as connection:
            ignore(connection, "Bob")
            assert wait(watcher).people.ignored == {"Bob"}
            name_stranger(connection, "unknown-2", "Eve", snapshots=False)
            change = wait(watcher)
        assert [(said.before, said.identity) for said in change.corrections] == [
            ("unknown-2", "Eve")
        ]
        assert change.people.strangers == ()
        path.unlink()
        assert wait(watcher) == HistoryChange(NOBODY, ())


def test_what_is_said_while_it_reads_is_published(path: Path) -> None:
    said: list[str] = []

    def say(statement: str) -> None:
        if "max(id)" in statement and not said:
            said.append(statement)
            with history(path) as connection:
                name_stranger(connection, "unknown-2", "Eve", snapshots=False)

    watcher = HistoryWatcher(path, "w", PATIENCE_S)
    with watcher:
        watcher.take()
        assert watcher._connection is not None
        watcher._connection.set_trace_callback(say)
        with history(path) as connection:
            ignore(connection, "Bob")
        corrections: list[CorrectionEvent] = []
        for _ in range(2):
            watcher._look()
            change = watcher.take()
            corrections += change.corrections if change is not None else ()
        watcher._connection.set_trace_callback(None)
    assert said
    assert [correction.identity for correction in corrections] == ["Eve"]


def test_what_was_said_before_is_not_published_though_it_could_not_be_read_at_first(
    path: Path,
) -> None:
    aside = path.with_name("aside")
    path.rename(aside)
    path.write_bytes(b"no database" * 1000)
    with HistoryWatcher(path, "w", 0.02) as watcher:
        assert watcher.take() is None
        aside.replace(path)
        change = wait(watcher)
        assert change.people.gone == {"unknown-1"}
        assert change.corrections == ()
        with history(path) as connection:
            name_stranger(connection, "unknown-2", "Eve", snapshots=False)
        assert [said.identity for said in wait(watcher).corrections] == ["Eve"]


def test_a_history_that_is_made_later_is_found(folder: Path) -> None:
    path = history_file(folder)
    with HistoryWatcher(path, "w", 0.02) as watcher:
        assert watcher.take() is None
        with history(path, make=True) as connection:
            ignore(connection, "Bob")
        while "Bob" not in wait(watcher).people.ignored:
            pass


def test_a_damaged_one_is_told_of_once_and_changes_nothing(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = history_file(folder)
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)
    with HistoryWatcher(path, "w", 0.01) as watcher:
        time.sleep(0.2)
        assert watcher.take() is None
    (line,) = caplog.messages
    assert line.startswith(
        f"people are known and ignored as before: {path}: the history is damaged"
    )
