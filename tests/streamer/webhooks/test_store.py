import sqlite3
import stat
import unicodedata
from pathlib import Path

import pytest

from streamer.errors import WebhookError
from streamer.history.database import files_of
from streamer.webhooks import store as module
from streamer.webhooks.forgetting import forget, holds
from streamer.webhooks.store import Letter, WebhookStore

HER = "Zo\u00eb K\u00fchn"


def letter(number: int, *people: str, webhook: str = "a") -> Letter:
    return Letter(
        id=f"e{number}.{webhook}", webhook=webhook, event="enter", camera="door",
        body=f"{number} {' '.join(people)}".encode(), people=people,
    )  # fmt: skip


def queue(folder: Path) -> Path:
    return folder / "webhooks" / "queue.sqlite3"


def test_a_queue_that_is_not_there_is_empty_and_is_its_owners_alone(folder: Path) -> None:
    path = queue(folder)
    with pytest.raises(WebhookError, match="nothing is queued"):
        WebhookStore(path)
    assert holds(path, HER) is False
    assert forget(path, HER) == 0
    with WebhookStore(path, make=True) as store:
        assert store.due("a") is None
        assert store.counts() == {"queued": 0, "dead": 0}
        assert store.heard_until() is None
        store.put([letter(1)], heard_ms=77)
        assert store.heard_until() == 77
        there = [file for file in files_of(path) if file.exists()]
        assert {stat.S_IMODE(file.stat().st_mode) for file in there} == {0o600}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_is_heard_twice_is_queued_once_also_after_it_was_delivered(folder: Path) -> None:
    with WebhookStore(queue(folder), make=True) as store:
        assert store.put([letter(1), letter(1), letter(1, webhook="b")]) == [
            "queued", "known", "queued",
        ]  # fmt: skip
        due = store.due("a")
        assert due is not None
        store.delivered(due)
        assert store.put([letter(1)]) == ["known"]
        assert store.due("a") is None
        assert store.counts() == {"queued": 1, "dead": 0}


def test_what_failed_waits_behind_others_and_what_is_given_up_can_be_tried_again(
    folder: Path,
) -> None:
    with WebhookStore(queue(folder), make=True) as store:
        store.put([letter(1), letter(2)])
        first = store.due("a")
        assert first is not None
        store.failed(first, "answered 500", module.now_ms() + 3_600_000)
        second = store.due("a")
        assert second is not None
        assert second.id == "e2.a"
        store.failed(second, "answered 404", None)
        assert store.due("a") is None
        assert store.counts() == {"queued": 1, "dead": 1}
        assert [each.fault for each in store.all()] == ["answered 500", "answered 404"]
        assert store.retry(None) == 1
        again = store.due("a")
        assert again is not None
        assert (again.id, again.attempts) == ("e2.a", 0)
        assert store.drop(["e1.a", "none"]) == 1
        assert store.counts() == {"queued": 1, "dead": 0}
        assert store.put([letter(1)]) == ["known"]  # nor does the history bring it back


def test_the_limits_hold(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_QUEUED", 2)
    monkeypatch.setattr(module, "MAX_DEAD", 1)
    with WebhookStore(queue(folder), make=True) as store:
        store.put([letter(number) for number in range(5)])
        store.put([letter(9, webhook="gone")])
        assert store.retain(["a"]) == (3, 1)
        assert [each.id for each in store.all()] == ["e3.a", "e4.a"]  # the oldest went
        for _ in range(2):
            due = store.due("a")
            assert due is not None
            store.failed(due, "", None)
        store.retain(["a"])
        assert store.counts() == {"queued": 0, "dead": 1}


def test_who_is_forgotten_is_in_no_byte_and_is_not_queued_until_enrolled_again(
    folder: Path,
) -> None:
    path = queue(folder)
    with WebhookStore(path, make=True) as running:
        decomposed = unicodedata.normalize("NFD", HER)
        running.put([letter(1, HER), letter(2, decomposed, "Al"), letter(3, "Al")])
        assert holds(path, HER) is True
        assert forget(path, HER, before_version=5) == 2
        assert holds(path, HER) is False
        content = b"".join(file.read_bytes() for file in files_of(path) if file.exists())
        for form in ("NFC", "NFD"):
            assert unicodedata.normalize(form, HER).encode() not in content
        assert b"3 Al" in content
        # A running pipeline still names her, and does so until it takes the new gallery up.
        assert running.put([letter(4, HER), letter(5, "Al")]) == ["forgotten", "queued"]
        running.enrolled_again([HER], "000004")
        assert running.put([letter(6, HER)]) == ["forgotten"]
        running.enrolled_again([HER], "000005")
        assert running.put([letter(7, HER)]) == ["queued"]
        assert forget(path, HER) == 1  # as ignoring does, which bans no name
        assert running.put([letter(8, HER)]) == ["queued"]


def test_a_queue_that_is_damaged_is_told_of_and_goes_when_somebody_is_forgotten(
    folder: Path,
) -> None:
    path = queue(folder)
    with WebhookStore(path, make=True) as store:
        store.put([letter(1, HER)])
    path.write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    with pytest.raises(WebhookError, match="the queue of webhooks is damaged"):
        WebhookStore(path)
    assert holds(path, HER) is None
    assert forget(path, HER, 1) == 0
    assert not path.exists()


def test_a_file_that_is_moved_away_is_begun_anew(folder: Path) -> None:
    path = queue(folder)
    with WebhookStore(path, make=True) as store:
        store.put([letter(1)])
        path.rename(folder / "away")
        assert store.put([letter(2)]) == ["queued"]
        assert [each.id for each in store.all()] == ["e2.a"]


def test_a_later_version_is_refused(folder: Path) -> None:
    path = queue(folder)
    WebhookStore(path, make=True).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(WebhookError, match="a newer facestream wrote it"):
        WebhookStore(path)
