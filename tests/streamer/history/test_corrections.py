from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from streamer.errors import HistoryError
from streamer.history import queries
from streamer.history.corrections import (
    corrections_after,
    heed,
    ignore,
    ignored,
    is_stranger,
    last_correction,
    name_stranger,
    not_this_person,
    people,
)
from streamer.history.database import history, history_file
from streamer.history.queries import Wanted
from streamer.history.writer import Writer
from tests.streamer.history.heard import ALL, LIMITS, crops, event

STRANGER = "unknown-7"


@pytest.fixture
def writer(folder: Path) -> Iterator[Writer]:
    """Two visits of a stranger, one of another, one of Bob, with crops."""
    writer = Writer(history_file(folder), ALL, LIMITS)
    for track, who, stranger in (
        (1, None, STRANGER), (2, None, STRANGER), (3, None, "unknown-8"), (4, "Bob", None),
    ):  # fmt: skip
        for crop in crops(track, 0.5, 0.9, 0.7):
            writer.take_crop(crop)
        writer.hear(event("enter", track, who, stranger))
    writer.flush()
    yield writer
    writer.close()


def who_visited(folder: Path) -> list[tuple[str | None, str | None, int]]:
    with history(history_file(folder)) as connection:
        rows = queries.visits(connection, Wanted())
    return [(row["identity"], row["stranger"], row["crops"]) for row in rows]


@pytest.mark.parametrize(
    ("text", "yes"),
    [("", False), ("unknown-7", True), ("unknown-0", False), ("unknown-7 ", False), ("Zoë", False)],
)
def test_ids_of_strangers_are_told_from_names(text: str, yes: bool) -> None:
    assert is_stranger(text) == yes


def test_strangers_are_known_by_the_mean_of_their_crops(writer: Writer, folder: Path) -> None:
    with history(history_file(folder)) as connection:
        known = people(connection, "w")
        vectors = [crop.embedding for crop in queries.crops_of_stranger(connection, "unknown-8")]
        assert people(connection, "other weights").strangers == ()
    assert [stranger.name for stranger in known.strangers] == [STRANGER, "unknown-8"]
    mean = np.mean(vectors, axis=0)
    assert known.strangers[1].template == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


def test_a_name_goes_to_all_visits_also_of_a_pipeline_that_does_not_know_it_yet(
    writer: Writer, folder: Path
) -> None:
    with history(history_file(folder)) as connection:
        assert last_correction(connection) == 0
        assert name_stranger(connection, STRANGER, "Zoë", snapshots=True) == 2
        (said,) = corrections_after(connection, 0)
        assert (said.correction, said.before, said.identity, said.track) == (
            "name", STRANGER, "Zoë", None,
        )  # fmt: skip
        assert corrections_after(connection, said.id) == []
        known = people(connection, "w")
        assert [stranger.name for stranger in known.strangers] == ["unknown-8"]
        assert known.gone == {STRANGER}
    writer.hear(event("update", 2, None, STRANGER))
    writer.hear(event("exit", 2, None, STRANGER))
    writer.flush()
    assert who_visited(folder)[:2] == [("Zoë", STRANGER, 1)] * 2


@pytest.mark.parametrize("keep", [True, False])
def test_who_it_was_not_loses_the_visit(writer: Writer, folder: Path, keep: bool) -> None:
    with history(history_file(folder)) as connection:
        (told,) = queries.events(connection, Wanted(person="Bob"))
        visit, who = queries.visit_of_event(connection, told["id"])
        assert who == "Bob"
        not_this_person(connection, visit, "Bob", keep)
        (said,) = corrections_after(connection, 0)
        assert (said.correction, said.before, said.identity, said.track) == (
            "not", "Bob", None, told["track"],
        )  # fmt: skip
        assert queries.events(connection, Wanted(person="Bob")) == []
        with pytest.raises(HistoryError, match="no event 'no-1' is in the history"):
            queries.visit_of_event(connection, "no-1")
    assert who_visited(folder)[3] == (None, None, int(keep))


def test_whoever_is_ignored_goes_from_visits_of_others_too(writer: Writer, folder: Path) -> None:
    writer.hear(event("enter", 31, "Cid"))
    writer.hear(event("update", 31, "Dora"))  # the visit is hers now, and entered as his
    writer.flush()
    with history(history_file(folder)) as connection:
        ignore(connection, "Cid")
        left = queries.events(connection, Wanted(person="Dora"))
    assert [row["identity"] for row in left] == ["Dora"]


def test_who_is_ignored_is_in_nothing_until_it_is_undone(writer: Writer, folder: Path) -> None:
    with history(history_file(folder)) as connection:
        ignore(connection, STRANGER)
        ignore(connection, "Bob")
        assert {*ignored(connection)} == people(connection, "w").ignored == {STRANGER, "Bob"}
        assert [s.name for s in people(connection, "w").strangers] == [STRANGER, "unknown-8"]
        with pytest.raises(HistoryError, match="unknown-99 cannot be ignored"):
            ignore(connection, "unknown-99")
    for track, name, stranger in ((1, None, STRANGER), (4, "Bob", None), (5, "Bob", None)):
        writer.hear(event("update", track, name, stranger))
    writer.flush()
    assert who_visited(folder) == [(None, "unknown-8", 3)]
    assert writer.events.snapshot().dropped == {"ignored": 3}
    with history(history_file(folder)) as connection:
        assert heed(connection, "Bob")
        assert heed(connection, STRANGER)
        assert not heed(connection, "Bob")
        assert ignored(connection) == []
        assert people(connection, "w").gone == {STRANGER}


def test_strangers_come_in_the_order_in_which_they_were_seen_last(
    writer: Writer, folder: Path
) -> None:
    for crop in crops(9, 0.8):
        writer.take_crop(crop)
    writer.hear(event("enter", 9, None, STRANGER, at_s=60))
    writer.flush()
    with history(history_file(folder)) as connection:
        assert [s.name for s in people(connection, "w").strangers] == ["unknown-8", STRANGER]


def test_the_highest_number_of_a_stranger_is_known(writer: Writer, folder: Path) -> None:
    for track, odd in enumerate(("unknown-12", "unknown-" + 18 * "9", "unknown-x", "?"), start=20):
        writer.hear(event("enter", track, None, odd))
    writer.flush()
    with history(history_file(folder)) as connection:
        assert people(connection, "w").last_number == 12
        ignore(connection, STRANGER)
        connection.execute("DELETE FROM visits")
        assert people(connection, "other weights").last_number == 8
