import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamer.history import queries
from streamer.history.corrections import ignore, not_this_person
from streamer.history.database import history, history_file
from streamer.history.keeping import OF_A_STRANGERS_VISIT
from streamer.history.queries import Wanted
from streamer.history.recording import Rules
from streamer.history.waiting import MAX_CROPS, MAX_WAIT_S
from streamer.history.writer import MAX_PENDING, RETAIN_EVERY_S, RETRY_S, Writer
from streamer.wire.messages import IdentityEvent
from tests.streamer.history.heard import ALL, BEGIN_NS, LIMITS, crops, event, presence

STRANGER = "unknown-7"


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def path(folder: Path) -> Path:
    return history_file(folder)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def writer(path: Path, clock: Clock) -> Iterator[Writer]:
    made = Writer(path, ALL, LIMITS, clock)
    yield made
    made.close()
    assert made.events.snapshot(made.pending_events).unaccounted == 0
    assert made.crops.snapshot(len(made.waiting)).unaccounted == 0


def visits(path: Path, **wanted: object) -> list[tuple[str | None, str | None, bool, int]]:
    """Who, which stranger, whether it has ended, how many crops."""
    with history(path) as connection:
        rows = queries.visits(connection, Wanted(**wanted))  # type: ignore[arg-type]
    return [
        (row["identity"], row["stranger"], row["left_utc"] is not None, row["crops"])
        for row in rows
    ]


def kinds(path: Path, **wanted: object) -> list[tuple[str, str | None, str | None]]:
    with history(path) as connection:
        rows = queries.events(connection, Wanted(**wanted))  # type: ignore[arg-type]
    return [(row["event"], row["identity"], row["stranger"]) for row in rows]


def test_nothing_heard_is_nothing_written(writer: Writer, path: Path) -> None:
    writer.flush()
    assert writer.fault == ""
    assert visits(path) == []
    assert kinds(path) == []


def test_a_visit_lasts_from_enter_to_exit(writer: Writer, path: Path) -> None:
    writer.hear(event("enter", 1, "Zoë"))
    writer.hear(event("update", 1, "Zoë", at_s=1))
    writer.flush()
    assert visits(path) == [("Zoë", None, False, 0)]
    writer.hear(event("exit", 1, "Zoë", at_s=2.5))
    writer.flush()
    with history(path) as connection:
        (row,) = queries.visits(connection, Wanted())
    assert row["left_utc"] > row["entered_utc"]
    assert kinds(path) == [("enter", "Zoë", None), ("exit", "Zoë", None)]
    assert visits(path, person="Zoë") == [("Zoë", None, True, 0)]
    assert visits(path, person="Zo") == visits(path, camera="hall") == []


def test_a_track_that_is_renamed_renames_its_visit(writer: Writer, path: Path) -> None:
    for crop in crops(1, *(number / 20 for number in range(1, 16))):
        writer.take_crop(crop)
    writer.hear(event("enter", 1, None, STRANGER))
    writer.flush()
    assert visits(path) == [(None, STRANGER, False, OF_A_STRANGERS_VISIT)]
    writer.hear(event("update", 1, "Zoë", at_s=1))
    writer.flush()
    assert visits(path) == [("Zoë", None, False, 1)]
    assert kinds(path) == [("enter", None, STRANGER), ("update", "Zoë", None)]
    with history(path) as connection:
        assert queries.kept_strangers(connection) == []
        (best,) = queries.crops_of_person(connection, "Zoë")
        assert best.quality == 15 / 20


@pytest.mark.parametrize(
    ("rules", "visit", "crops_kept"),
    [
        (Rules(), [("Zoë", None, False, 0)], 0),
        (Rules(strangers=True), [("Zoë", None, False, 0), (None, STRANGER, False, 0)], 0),
        (Rules(snapshots=True), [("Zoë", None, False, 1)], 1),
        (Rules(keep=True), [("Zoë", None, False, 0), (None, STRANGER, False, 3)], 3),
    ],
)
def test_only_what_is_allowed_is_written(
    path: Path, clock: Clock, rules: Rules, visit: list[tuple[object, ...]], crops_kept: int
) -> None:
    writer = Writer(path, rules, LIMITS, clock)
    for track in (1, 2):
        for crop in crops(track, 0.5, 0.6, 0.7):
            writer.take_crop(crop)
    writer.hear(event("enter", 1, "Zoë"))
    writer.hear(event("enter", 2, None, STRANGER))
    writer.flush()
    assert [*visits(path)] == [*visit]
    assert writer.crops.forwarded == crops_kept
    clock.now_s += MAX_WAIT_S + 1
    writer.flush()
    assert len(writer.waiting) == 0
    stage = writer.crops.snapshot()
    assert (stage.unaccounted, stage.received) == (0, 6)
    writer.close()


def test_a_visit_that_turns_out_to_be_a_strangers_has_no_number_where_strangers_are_not_written(
    path: Path, clock: Clock
) -> None:
    writer = Writer(path, Rules(), LIMITS, clock)
    writer.hear(event("enter", 1, "Zoë"))
    writer.hear(event("update", 1, None, STRANGER, at_s=1))
    writer.hear(presence((1, None, STRANGER)))
    writer.hear(event("exit", 1, None, STRANGER, at_s=2))
    writer.flush()
    assert visits(path) == [(None, None, True, 0)]
    assert kinds(path) == [("enter", "Zoë", None), ("update", None, None), ("exit", None, None)]
    writer.close()


def test_what_users_say_of_a_visit_that_goes_on_stays_said(writer: Writer, path: Path) -> None:
    writer.hear(event("enter", 1, "Zoë"))
    writer.flush()
    with history(path) as connection:
        not_this_person(connection, 1, "Zoë", keep=False)
    writer.hear(event("update", 1, "Zoë", at_s=1))
    writer.hear(presence((1, "Zoë", None)))
    writer.flush()
    assert visits(path) == [(None, None, False, 0)]
    writer.hear(event("update", 1, "Bob", at_s=2))
    writer.hear(event("update", 1, "Zoë", at_s=3))
    writer.hear(event("exit", 1, "Zoë", at_s=4))
    writer.hear(event("enter", 2, "Zoë", at_s=5))
    writer.flush()
    assert visits(path) == [(None, None, True, 0), ("Zoë", None, False, 0)]
    assert kinds(path, person="Bob") == [("update", "Bob", None)]


def test_who_is_in_no_snapshot_has_left(writer: Writer, path: Path) -> None:
    writer.hear(event("enter", 1, "Zoë"))
    writer.hear(event("enter", 2, "Bob"))
    writer.hear(presence((2, "Bob", None), (3, "Eve", None)))
    writer.flush()
    assert visits(path) == [
        ("Zoë", None, True, 0), ("Bob", None, False, 0), ("Eve", None, False, 0),
    ]  # fmt: skip
    writer.hear(presence((4, "Dan", None), epoch="another"))
    writer.flush()
    assert [row[2] for row in visits(path)] == [True, True, True, False]


@dataclass(frozen=True, kw_only=True)
class OfVisit(IdentityEvent):
    """An event that says which visit its track is part of."""

    visit: str


def of_visit(visit: str, said: IdentityEvent) -> OfVisit:
    return OfVisit(**{**asdict(said), "visit": visit})


def test_tracks_that_go_on_from_each_other_are_one_visit(writer: Writer, path: Path) -> None:
    for crop in (*crops(1, 0.5), *crops(2, 0.9)):
        writer.take_crop(crop)
    writer.hear(of_visit("v1", event("enter", 1, "Zoë")))
    writer.hear(of_visit("v1", event("enter", 2, "Zoë", at_s=1)))
    writer.hear(of_visit("v1", event("exit", 1, "Zoë", at_s=2)))
    writer.flush()
    assert visits(path) == [("Zoë", None, False, 1)]
    writer.hear(of_visit("v1", event("exit", 2, "Zoë", at_s=3)))
    # A track that shows somebody else now begins another visit.
    writer.hear(of_visit("v2", event("enter", 2, "Bob", at_s=3)))
    writer.flush()
    assert visits(path) == [("Zoë", None, True, 1), ("Bob", None, False, 0)]
    assert [kind for kind, *_ in kinds(path)] == ["enter", "enter", "exit", "exit", "enter"]


def test_a_crop_is_not_given_to_who_is_on_its_track_later(writer: Writer, path: Path) -> None:
    writer.hear(of_visit("v1", event("enter", 1, "Zoë")))
    writer.flush()
    for crop in crops(1, 0.9):
        writer.take_crop(crop)
    writer.hear(of_visit("v1", event("exit", 1, "Zoë", at_s=0.5)))
    writer.hear(of_visit("v2", event("enter", 1, None, STRANGER, at_s=1)))
    writer.flush()
    assert visits(path) == [("Zoë", None, True, 0), (None, STRANGER, False, 0)]
    assert writer.crops.dropped == {"not_wanted": 1}


def test_nor_is_one_of_somebody_of_whom_nothing_is_written(writer: Writer, path: Path) -> None:
    with history(path, make=True) as connection:
        ignore(connection, "Bob")
    for crop in crops(1, 0.9):
        writer.take_crop(crop)
    writer.hear(of_visit("v1", event("enter", 1, "Bob")))
    writer.flush()
    writer.hear(of_visit("v1", event("exit", 1, "Bob", at_s=0.5)))
    writer.hear(of_visit("v2", event("enter", 1, "Zoë", at_s=1)))
    writer.flush()
    assert visits(path) == [("Zoë", None, False, 0)]


def test_a_visit_that_has_ended_gets_no_more_crops(
    writer: Writer, path: Path, clock: Clock
) -> None:
    for crop in crops(1, 0.5):
        writer.take_crop(crop)
    writer.hear(event("enter", 1, None, STRANGER))
    writer.hear(event("exit", 1, None, STRANGER, at_s=1))
    writer.flush()
    # The face turned out to be somebody's who is ignored: identify says no more of its track.
    for crop in crops(1, 0.9):
        writer.take_crop(crop)
    writer.flush()
    assert visits(path) == [(None, STRANGER, True, 1)]
    clock.now_s += MAX_WAIT_S + 1
    writer.flush()
    assert writer.crops.dropped == {"no_visit": 1}


def test_what_a_killed_run_left_open_is_closed_and_goes_on_if_it_is_still_there(
    path: Path, clock: Clock
) -> None:
    killed = Writer(path, ALL, LIMITS, clock)
    killed.hear(event("enter", 1, "Zoë"))
    killed.hear(event("enter", 2, "Bob"))
    killed.flush()
    again = Writer(path, ALL, LIMITS, clock)
    again.flush()
    assert [row[2] for row in visits(path)] == [True, True]
    again.hear(presence((2, "Bob", None)))
    again.flush()
    assert visits(path) == [("Zoë", None, True, 0), ("Bob", None, False, 0)]
    again.close()
    killed.close()


@pytest.mark.parametrize("wrong_by_days", [-20_000, -8, 8, 400])
def test_a_camera_with_a_wrong_clock_is_kept_as_long_as_the_others(
    path: Path, clock: Clock, wrong_by_days: int
) -> None:
    now_ms = BEGIN_NS // 10**6
    writer = Writer(path, ALL, LIMITS, clock, lambda: now_ms)
    for crop in crops(1, 0.9):
        writer.take_crop(crop)
    writer.hear(event("enter", 1, None, STRANGER, at_s=wrong_by_days * 86_400))
    writer.hear(event("exit", 1, None, STRANGER, at_s=wrong_by_days * 86_400 + 5))
    for days, crops_kept in ((0, 1), (LIMITS.strangers_days - 1, 1), (2, 0)):
        now_ms += int(days * 86_400_000)
        writer.flush()
        clock.now_s += RETAIN_EVERY_S + 1
        writer.flush()
        assert visits(path) == [(None, STRANGER, True, crops_kept)]
    writer.close()


def test_who_was_there_while_nothing_could_be_written_was_there_then(
    path: Path, clock: Clock
) -> None:
    now_ms = BEGIN_NS // 10**6
    writer = Writer(path, ALL, LIMITS, clock, lambda: now_ms)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database" * 1000)
    writer.hear(event("enter", 1, "Zoë"))
    now_ms += 5000
    writer.hear(presence((1, "Zoë", None), (2, "Bob", None)))
    writer.flush()
    now_ms += 7_200_000
    clock.now_s += RETRY_S + 1
    path.unlink()
    writer.hear(presence())
    writer.flush()
    with history(path) as connection:
        rows = queries.visits(connection, Wanted())
    assert {row["left_utc"] for row in rows} == {queries.utc_of(BEGIN_NS // 10**6 + 5000)}
    writer.close()


def test_a_damaged_file_is_told_of_once_and_a_new_one_is_begun_when_it_is_away(
    writer: Writer, path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database, but longer than a header of one has to be" * 100)
    for _ in range(3):
        writer.hear(event("enter", 1, "Zoë"))
        writer.flush()
        clock.now_s += RETRY_S + 1
    assert writer.fault.startswith(f"{path}: the history is damaged")
    assert "move the file away" in writer.fault
    assert [record.message for record in caplog.records] == [writer.fault]
    assert writer.pending_events == 3
    path.unlink()
    writer.flush()
    assert writer.fault == ""
    assert visits(path) == [("Zoë", None, False, 0)]


def test_a_full_disk_costs_nothing_that_fits_in_memory(
    writer: Writer, path: Path, clock: Clock
) -> None:
    writer.hear(event("enter", 1, "Zoë"))
    writer.flush()
    assert writer._connection is not None
    pages = writer._connection.execute("PRAGMA page_count").fetchone()[0]
    writer._connection.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(2, 2000):
        writer.hear(event("enter", number, "Zoë"))
    writer.flush()
    assert writer.fault == f"{path}: the disk is full; free some space, and the history goes on"
    assert writer.pending_events == 1998
    assert visits(path) == [("Zoë", None, False, 0)]
    clock.now_s += RETRY_S + 1  # another connection: without the limit
    writer.flush()
    assert writer.fault == ""
    assert len(visits(path, limit=5000)) == 1999


def test_memory_has_limits(folder: Path, clock: Clock) -> None:
    writer = Writer(folder / "no" / "such", ALL, LIMITS, clock)
    (folder / "no").write_text("a file where the folder should be")
    one = event("enter", 1, "Zoë")
    for _ in range(MAX_PENDING + 5):
        writer.hear(one)
    for track in range(MAX_CROPS // 4):
        for crop in crops(track, *(0.5,) * 5):
            writer.take_crop(crop)
    writer.flush()
    assert "cannot be written" in writer.fault
    assert writer.events.snapshot(writer.pending_events).dropped == {"store_down": 5}
    assert len(writer.waiting) <= MAX_CROPS
    assert writer.crops.snapshot(len(writer.waiting)).unaccounted == 0
    writer.close()


def test_another_command_that_writes_is_waited_for(
    writer: Writer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamer.history.writer.BUSY_S", 0.01)
    writer.flush()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer.hear(event("enter", 1, "Zoë"))
    writer.flush()
    assert (writer.fault, writer.pending_events) == ("", 1)
    other.execute("COMMIT")
    other.close()
    writer.flush()
    assert visits(path) == [("Zoë", None, False, 0)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["enter", "update", "exit", "presence"]),
            st.integers(1, 3),
            st.sampled_from(["Zoë", "Bob", None]),
        ),
        max_size=20,
    ),
    st.booleans(),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_order_of_messages_leaves_one_visit_a_track_and_a_whole_account(
    tmp_path_factory: pytest.TempPathFactory,
    heard: list[tuple[str, int, str | None]],
    all_at_once: bool,
) -> None:
    path = history_file(tmp_path_factory.mktemp("h"))
    writer = Writer(path, ALL, LIMITS)
    last: dict[int, str | None] = {}
    for kind, track, who in heard:
        stranger = None if who else STRANGER
        if kind == "presence":
            writer.hear(presence((track, who, stranger)))
            last.setdefault(track, who)
        else:
            writer.hear(event(kind, track, who, stranger))  # type: ignore[arg-type]
            last[track] = who
        if not all_at_once:
            writer.flush()
    writer.flush()
    assert writer.fault == ""
    with history(path) as connection:
        rows = queries.visits(connection, Wanted())
        told = queries.events(connection, Wanted())
    assert {row["track"]: row["identity"] for row in rows} == {
        f"t-{track}": who for track, who in last.items()
    }
    assert len(rows) == len(last)
    entered_or_left = sum(kind in ("enter", "exit") for kind, _, _ in heard)
    assert len(told) >= entered_or_left
    stage = writer.events.snapshot(writer.pending_events)
    assert (stage.unaccounted, stage.pending) == (0, 0)
    writer.close()
