"""Changes that are asked for over the socket, on a real gallery and a real history."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from streamer.config.sections import Config
from streamer.control import Control, ControlError
from streamer.history.corrections import corrections_after
from streamer.history.database import history
from streamer.history.queries import Wanted, events, visits
from streamer.history.writer import Writer
from streamer.webhooks.store import Letter, WebhookStore
from streamer.wire.messages import ExpiryEvent
from tests.streamer.history.heard import ALL, LIMITS, event
from tests.trainer.control.running import PATIENCE_S, serving, with_this
from tests.trainer.enrolment.forgotten import search
from trainer.control.expiry import Expiry
from workers.embedding.embedder import Embedder
from workers.gallery.notes import FormerName, Note, read_notes, write_notes
from workers.gallery.store import GalleryStore

COLLINS, HOPPER = "Eileen Collins", "Grace Hopper"


def heard(config: Config, *who: str) -> None:
    """A visit of each in the history."""
    writer = Writer(config.history_path, ALL, LIMITS)
    for track, name in enumerate(who, start=1):
        writer.hear(event("enter", track, name, None))
        writer.hear(event("exit", track, name, None, at_s=2))
    writer.flush()
    writer.close()
    assert writer.fault == ""


def names(store: GalleryStore) -> set[str]:
    gallery = store.read()
    assert gallery is not None
    return set(gallery.people.names)


def test_a_new_name_is_everywhere_and_the_old_one_is_forgotten_with_it(
    config: Config, store: GalleryStore, embedder: Embedder
) -> None:
    heard(config, COLLINS)
    before = store.read()
    with serving(config, with_this(embedder)) as control:
        job = control.rename(COLLINS, " Eileen M. Collins")
        assert (job.state, job.kind, job.person) == ("done", "Rename", COLLINS)
        assert "Eileen Collins is Eileen M. Collins" in job.lines[0]
        after = store.read()
        assert before is not None
        assert after is not None
        assert after.version == job.version
        assert after.parent == before.version
        assert after.people.names == ("Eileen M. Collins", HOPPER)
        found = after.classifier.predict(before.people.embeddings)
        assert [each.person for each in found] == [0, 1]
        with history(config.history_path) as connection:
            assert {row["identity"] for row in visits(connection, Wanted())} == {
                "Eileen M. Collins"
            }
            assert {row["identity"] for row in events(connection, Wanted())} == {
                "Eileen M. Collins"
            }
            (told,) = corrections_after(connection, 0)
            assert (told.before, told.identity) == (COLLINS, "Eileen M. Collins")
        with pytest.raises(ControlError, match="Grace Hopper is enrolled, too"):
            control.rename("Eileen M. Collins", HOPPER)
        with pytest.raises(ControlError, match="'Nobody' is not enrolled"):
            control.rename("Nobody", "Anybody")
        with pytest.raises(ControlError, match="must not be that of a stranger"):
            control.rename(HOPPER, "unknown-3")
        control.forget("Eileen M. Collins")
        assert names(store) == {HOPPER}
        needles = {"old": COLLINS.encode(), "new": b"Eileen M. Collins"}
        assert search(config.data_path, needles) == []


def test_a_former_name_that_somebody_else_has_now_stays_theirs(
    config: Config, store: GalleryStore, embedder: Embedder
) -> None:
    with serving(config, with_this(embedder)) as control:
        control.rename(COLLINS, "Eileen")
        taken = control.rename(HOPPER, COLLINS)
        control.forget("Eileen")
        assert names(store) == {COLLINS}
        current = store.read()
        assert current is not None
        assert int(current.version) > int(taken.version)
        assert read_notes(store.folder)[COLLINS].formerly == (
            FormerName(HOPPER, int(taken.version)),
        )
        older = [store.read_version(v) for v in store.versions() if v != current.version]
        assert COLLINS not in [name for gallery in older for name in gallery.people.names]


def test_two_who_are_one_go_on_as_one(
    config: Config, store: GalleryStore, embedder: Embedder
) -> None:
    heard(config, COLLINS, HOPPER)
    with serving(config, with_this(embedder)) as control:
        control.set_consent(COLLINS, "by phone", "2199-01-01")
        with pytest.raises(ControlError, match="must be another than"):
            control.merge(HOPPER, HOPPER)
        job = control.merge(COLLINS, HOPPER)
        gallery = store.read()
        assert gallery is not None
        assert gallery.version == job.version
        assert gallery.people.names == (HOPPER,)
        assert len(gallery.people.labels) == 2
        assert gallery.people.vouched.sum() == 1
        (row,) = control.people()
        assert (row.crops, row.consent, row.expires_utc) == (2, "by phone", "2199-01-01T00:00:00Z")
        with history(config.history_path) as connection:
            assert {row["identity"] for row in visits(connection, Wanted())} == {HOPPER}
        control.rollback()
        assert names(store) == {COLLINS, HOPPER}


def test_versions_are_listed_compared_and_put_in_use(
    config: Config, store: GalleryStore, embedder: Embedder
) -> None:
    with serving(config, with_this(embedder)) as control:
        listed = control.versions()
        assert [(row.version, row.in_use, row.people) for row in listed] == [
            ("000002", True, 2),
            ("000001", False, 1),
        ]
        assert [row.name for row in control.people()] == [COLLINS, HOPPER]
        found = control.diff("1", "000002")
        assert (found.old.people, found.new.people, found.total) == (1, 2, 1)
        assert [(c.name, c.old, c.new) for c in found.crops] == [(HOPPER, 0, 1)]
        job = control.rollback(request_id="once")
        assert store.current_version() == job.version == "000001"
        again = control.rollback(request_id="once")
        assert (again.job, again.version) == (job.job, "000001")
        assert store.current_version() == "000001"
        with pytest.raises(ControlError, match="must be of one request alone"):
            control.activate("2", request_id="once")
        control.activate("2")
        assert store.current_version() == "000002"
        with pytest.raises(ControlError, match="no version '000009'"):
            control.activate("9")
        with pytest.raises(ControlError, match="no version '000009'"):
            control.diff("1", "9")


def test_who_is_ignored_is_in_no_event(config: Config, embedder: Embedder) -> None:
    heard(config, COLLINS)
    with serving(config, with_this(embedder)) as control:
        letter = Letter(
            id="1.a", webhook="a", event="enter", camera="door", body=b"her", people=(COLLINS,)
        )
        with WebhookStore(config.webhooks_path, make=True) as queue:
            queue.put([letter])
            control.ignore(COLLINS)
            assert queue.all() == []
        assert control.ignored() == [COLLINS]
        with history(config.history_path) as connection:
            assert visits(connection, Wanted()) == []
        control.heed(COLLINS)
        assert control.ignored() == []
        with pytest.raises(ControlError, match="is not ignored"):
            control.heed(COLLINS)
        with pytest.raises(ControlError, match="'Nobody' is not enrolled"):
            control.ignore("Nobody")


def test_a_forgotten_name_is_in_no_job_that_is_kept(
    config: Config, store: GalleryStore, embedder: Embedder
) -> None:
    with serving(config, with_this(embedder)) as control:
        control.set_consent(COLLINS, "she signed")
        control.rename(HOPPER, "Grace")
        job = control.forget(COLLINS)
        assert "Eileen Collins is forgotten; deleted:" in job.lines
        assert job.person == ""
        assert {(row.kind, row.person) for row in control.jobs()} == {
            ("Forget", ""),
            ("Rename", HOPPER),
        }
        assert search(config.data_path, {"name": COLLINS.encode()}) == []
        with pytest.raises(ControlError, match=r"nothing in .* is of that name"):
            control.forget(COLLINS)


def test_what_is_noted_stays_over_versions_and_ends_at_its_time(
    config: Config, store: GalleryStore, embedder: Embedder
) -> None:
    with serving(config, with_this(embedder)) as control:
        for wrong in ("soon", "2026-13-01"):
            with pytest.raises(ControlError, match="an expiry must be a time"):
                control.set_consent(COLLINS, None, wrong)
        with pytest.raises(ControlError, match="not enrolled"):
            control.set_consent("Nobody", "yes")
        control.set_consent(COLLINS, "signed, 3 May", "2199-05-03T12:00:00+02:00")
        control.rollback()
        (row,) = control.people()
        assert (row.consent, row.expires_utc) == ("signed, 3 May", "2199-05-03T10:00:00Z")
        path = store.folder / "notes.json"
        assert json.loads(path.read_text())["people"].keys() == {COLLINS}
        assert path.stat().st_mode & 0o777 == 0o600
        control.set_consent(COLLINS, None, None)
        assert read_notes(store.folder) == {}


def test_who_expires_is_warned_of_once_a_day_and_then_forgotten(
    config: Config, store: GalleryStore, embedder: Embedder
) -> None:
    said: list[ExpiryEvent] = []
    now = datetime(2030, 1, 1, tzinfo=UTC)
    with store.lock():
        write_notes(store.folder, {COLLINS: Note(expires_utc="2030-01-05T00:00:00Z")})

    def look(expiry: Expiry, days: float) -> list[str]:
        nonlocal now
        now += timedelta(days=days)
        before = len(said)
        expiry.look()
        return [event.expiry for event in said[before:]]

    taken: list[object] = []
    expiry = Expiry(store.folder, 3.0, said.append, taken.append, lambda: now)
    assert look(expiry, 0.0) == []
    assert look(expiry, 1.5) == ["soon"]
    assert look(expiry, 0.5) == []
    assert look(expiry, 0.5) == ["soon"]
    assert look(expiry, 5.0) == ["forgotten"]
    assert len(taken) == 1
    (store.folder / "notes.json").write_text("{")
    assert look(expiry, 0.0) == []
    assert "is damaged" in expiry.fault
    with store.lock():
        write_notes(store.folder, {COLLINS: Note(expires_utc="2020-01-01T00:00:00Z")})
    with serving(config, with_this(embedder)) as control:
        wait_for_end(control)
        assert names(store) == {HOPPER}
        assert search(config.data_path, {"name": COLLINS.encode()}) == []


def wait_for_end(control: Control) -> None:
    """Until the one job there is, which nobody has asked for, is over."""
    until = time.monotonic() + PATIENCE_S
    while not (rows := control.jobs()):
        assert time.monotonic() < until
    (row,) = rows
    assert row.kind == "Forget"
    control.finish(control.job(row.job))
