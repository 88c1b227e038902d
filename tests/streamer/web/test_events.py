"""Server-sent events, and who is here."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streamer.history.database import history
from streamer.history.writer import Writer
from streamer.web.events import MAX_WAITING, EventHub
from streamer.web.here import BELIEVED_S, HereBook
from streamer.wire.messages import GalleryEvent, PresenceEvent
from tests.streamer.history.heard import ALL, LIMITS, event, presence
from tests.streamer.web.serving import PATIENCE_S, Served, served, web_config

Told = tuple[str, str | None, dict[str, Any]]
DOOR = b"identity/door"


@contextmanager
def listening(web: Served, path: str = "/api/events", after: str = "") -> Iterator[Iterator[Told]]:
    """Yield (name, id, data) of each event, once it is listened for."""
    headers = {"Last-Event-ID": after} if after else {}
    with web.http.stream("GET", path, headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(lines) == ": facestream"

        def told() -> Iterator[Told]:
            fields: dict[str, str] = {}
            until = time.monotonic() + PATIENCE_S
            for line in lines:
                assert time.monotonic() < until
                key, _, value = line.partition(": ")
                fields[key] = value
                if not line and "data" in fields:
                    yield fields["event"], fields.get("id"), json.loads(fields["data"])
                if not line:
                    fields = {}

        yield told()


def test_events_are_told_as_they_come_and_those_that_were_missed_from_memory(web: Served) -> None:
    events = [
        event("enter", 1, "Ada"),
        event("update", 1, "Ada"),
        event("exit", 1, "Ada"),
        event("enter", 2, None, "unknown-1"),
    ]
    with listening(web) as told, listening(web, "/api/events?updates=1&person=Ada") as hers:
        for each in events:
            web.publisher.tell(DOOR, each)
        assert [next(told)[:2] for _ in range(3)] == [
            ("enter", events[0].id), ("exit", events[2].id), ("enter", events[3].id),
        ]  # fmt: skip
        assert [next(hers)[0] for _ in range(3)] == ["enter", "update", "exit"]
    with listening(web, after=events[0].id) as told:
        assert [next(told)[1] for _ in range(2)] == [events[2].id, events[3].id]
    with listening(web, "/api/events?camera=hall", after="of-long-ago") as told:
        assert next(told)[::2] == ("lost", {"after": "of-long-ago"})
    web.publisher.report(lambda said: said["web events"]["pending"] == 0)


def test_another_gallery_is_told_of_and_what_was_told_before_is_not_told_again(
    web: Served,
) -> None:
    hers, his = event("enter", 1, "Ada"), event("enter", 3, "Bob")
    gallery = GalleryEvent(version="000002", fingerprint="f", weights="w", people=2)
    with listening(web) as told:
        web.publisher.tell(DOOR, hers)
        web.publisher.tell(b"gallery", gallery)
        web.publisher.tell(b"gallery", gallery)  # said every second
        web.publisher.tell(DOOR, his)
        assert next(told)[1] == hers.id
        assert next(told)[::2] == ("gallery", {"version": "000002", "people": 2})
        assert next(told)[1] == his.id
    assert web.http.get("/api/setup").json()["people"] == 2
    with listening(web, after=hers.id) as told:  # she may be forgotten since
        assert next(told)[0] == "lost"


def test_what_was_missed_before_it_ran_comes_from_the_history(folder: Path) -> None:
    config = web_config(folder)
    config.history_path.parent.mkdir(parents=True)
    written = [event("enter", 1, "Ada"), event("exit", 1, "Ada"), event("enter", 2, "Bob")]
    writer = Writer(config.history_path, ALL, LIMITS)
    for each in written:
        writer.hear(each)
    writer.flush()
    writer.close()
    newest = event("exit", 2, "Bob")
    with served(config) as web:
        with listening(web) as told:
            web.publisher.tell(DOOR, newest)
            assert next(told)[1] == newest.id
        with listening(web, after=written[0].id) as told:
            found = [next(told) for _ in range(3)]
        assert [each[1] for each in found] == [written[1].id, written[2].id, newest.id]
        assert found[0][2]["identity"] == "Ada"
        with history(config.history_path) as connection:
            connection.execute("DELETE FROM visits")
        with listening(web, after=written[0].id) as told:
            assert next(told)[0] == "lost"


def test_one_who_listens_too_slowly_is_told_no_more() -> None:
    hub = EventHub()
    listener = hub.listen("", "", updates=True)
    for _ in range(MAX_WAITING):
        hub.take(event("update", 1, "Ada"))
    assert not listener.lost
    hub.take(event("update", 1, "Ada"))
    assert listener.lost
    assert hub.stage().dropped == {"too_slow": 1}
    assert hub.next(listener) is not None
    hub.leave(listener)
    assert (hub.stage().unaccounted, hub.stage().pending) == (0, 0)


def test_who_is_here_is_known_from_snapshots_and_corrected_by_events(web: Served) -> None:
    def here() -> list[dict[str, Any]]:
        web.settle()
        return list(web.http.get("/api/here").json())

    assert here() == []
    web.publisher.tell(b"presence/door", presence((1, "Ada", None), (2, None, "unknown-3")))
    enter = event("enter", 4, "Bob", at_s=1)
    web.publisher.tell(DOOR, enter)
    found = here()
    assert [each["person"] or each["stranger"] for each in found] == ["Ada", "unknown-3", "Bob"]
    assert found[2]["event"] == enter.id
    assert found[2]["since_utc"] == enter.captured_utc
    web.publisher.tell(DOOR, event("exit", 1, "Ada", at_s=2))
    web.publisher.tell(DOOR, event("update", 2, "Ann", at_s=2))
    assert [each["person"] for each in here()] == ["Ann", "Bob"]
    web.publisher.tell(b"presence/door", PresenceEvent("door", "run", ()))
    assert here() == []


def test_nobody_is_here_whom_nothing_was_heard_of_for_a_while() -> None:
    now = 0.0
    book = HereBook(clock=lambda: now)
    book.take_presence(presence((1, "Ada", None)))
    now += BELIEVED_S
    assert len(book.all()) == 1
    now += 1
    assert book.all() == []
