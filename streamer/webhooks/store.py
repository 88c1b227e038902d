"""The queue of deliveries, in one SQLite file that only its owner can read.

A delivery is there from before anybody is asked to take it until somebody has, or until it is
given up; then it is a dead letter for some days. Its id is made of the event's and the webhook's,
so whatever is heard twice is queued once, also for a day after it was delivered. Who was forgotten
is kept as a salted hash, as in the history: a running pipeline must not bring the name back.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from streamer.errors import WebhookError
from streamer.history.database import explained_as, transaction
from streamer.history.forgetting import Forgotten, clean, composed, name_hash
from streamer.webhooks.database import open_queue
from streamer.wire.timestamps import NS_PER_MS

MAX_QUEUED = 10_000
MAX_DEAD = 1000
KEPT_DEAD_MS = 7 * 24 * 3600 * 1000
KEPT_DONE_MS = 24 * 3600 * 1000
MAX_FAULT = 300
Outcome = Literal["queued", "known", "forgotten"]


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What is to be delivered. people: whom it names, as they are written. id: of this delivery."""

    id: str
    webhook: str
    event: str
    camera: str
    body: bytes
    people: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A letter in the queue. Times in milliseconds since 1970; dead_ms: None while it is queued."""

    number: int
    id: str
    webhook: str
    event: str
    camera: str
    body: bytes
    queued_ms: int
    next_ms: int
    attempts: int
    fault: str
    dead_ms: int | None


_COLUMNS = "number, id, webhook, event, camera, body, queued_ms, next_ms, attempts, fault, dead_ms"


def now_ms() -> int:
    """Return the time of day, in milliseconds since 1970; it survives a restart."""
    return time.time_ns() // NS_PER_MS


class WebhookStore:
    """One connection, for any thread. Raises WebhookError where the file cannot be used."""

    def __init__(self, path: Path, make: bool = False) -> None:
        self.path = path
        self._make = make
        self._lock = threading.Lock()
        self._file: tuple[int, int] | None = None
        with explained_as(path, "queue of webhooks", WebhookError):
            self._open()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> "WebhookStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, letters: Iterable[Letter], heard_ms: int | None = None) -> list[Outcome]:
        """Queue letters, as a whole or not at all; what became of each.

        heard_ms: until when events have been heard, to be asked for by `heard_until`.
        """
        outcomes: list[Outcome] = []
        with self._writing() as connection:
            forgotten = Forgotten(connection)
            for letter in letters:
                if any(person in forgotten for person in letter.people):
                    outcomes.append("forgotten")
                    continue
                outcomes.append("queued" if _insert(connection, letter) else "known")
            if heard_ms is not None:
                connection.execute(
                    "INSERT OR REPLACE INTO meta VALUES ('heard_ms', ?)", (heard_ms,)
                )
        return outcomes

    def due(self, webhook: str) -> Delivery | None:
        """Return the delivery of a webhook that has been due longest, if any is."""
        with self._use():
            row = self._connection.execute(
                f"SELECT {_COLUMNS} FROM deliveries WHERE webhook = ? AND dead_ms IS NULL "  # noqa: S608
                "AND next_ms <= ? ORDER BY next_ms, number LIMIT 1",
                (webhook, now_ms()),
            ).fetchone()
        return _delivery(row) if row else None

    def delivered(self, delivery: Delivery) -> None:
        """Note that somebody has taken it: of all of it, only the id stays, for a day."""
        with self._writing() as connection:
            connection.execute("DELETE FROM deliveries WHERE number = ?", (delivery.number,))
            connection.execute("INSERT OR REPLACE INTO done VALUES (?, ?)", (delivery.id, now_ms()))

    def failed(self, delivery: Delivery, fault: str, next_ms: int | None) -> None:
        """Note a failed attempt, and when the next one is due; None: it is given up."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE deliveries SET attempts = attempts + 1, fault = ?, next_ms = ?, "
                "dead_ms = ? WHERE number = ?",
                (fault[:MAX_FAULT], next_ms or 0, None if next_ms is not None else now_ms(),
                 delivery.number),
            )  # fmt: skip

    def retain(self, webhooks: Iterable[str]) -> tuple[int, int]:
        """Keep the limits; how many were dropped because too many were queued, or of no webhook."""
        wanted, now = tuple(webhooks), now_ms()
        marks = ", ".join("?" * len(wanted))
        with self._writing() as connection:
            strays = connection.execute(
                f"DELETE FROM deliveries WHERE webhook NOT IN ({marks})",  # noqa: S608
                wanted,
            ).rowcount
            surplus = connection.execute(
                "DELETE FROM deliveries WHERE number IN (SELECT number FROM deliveries "
                "WHERE dead_ms IS NULL ORDER BY number DESC LIMIT -1 OFFSET ?)",
                (MAX_QUEUED,),
            ).rowcount
            connection.execute(
                "DELETE FROM deliveries WHERE dead_ms < ? OR number IN (SELECT number FROM "
                "deliveries WHERE dead_ms IS NOT NULL ORDER BY dead_ms DESC LIMIT -1 OFFSET ?)",
                (now - KEPT_DEAD_MS, MAX_DEAD),
            )
            connection.execute("DELETE FROM done WHERE at_ms < ?", (now - KEPT_DONE_MS,))
            connection.execute("DELETE FROM forgotten WHERE at_ms < ?", (now - KEPT_DONE_MS,))
        with self._use():  # or the log keeps what was delivered, whom it named included
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return surplus, strays

    def counts(self) -> dict[str, int]:
        """Return how many are `queued` and how many `dead`."""
        with self._use():
            rows = self._connection.execute(
                "SELECT dead_ms IS NULL, count(*) FROM deliveries GROUP BY 1"
            ).fetchall()
        found = {bool(queued): int(count) for queued, count in rows}
        return {"queued": found.get(True, 0), "dead": found.get(False, 0)}

    def all(self) -> list[Delivery]:
        """Return every delivery, the oldest first."""
        with self._use():
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM deliveries ORDER BY number"  # noqa: S608
            ).fetchall()
        return [_delivery(row) for row in rows]

    def retry(self, ids: Iterable[str] | None) -> int:
        """Have deliveries tried at once, dead letters, too; None: all that are dead. How many."""
        with self._writing() as connection:
            change = (
                "UPDATE deliveries SET dead_ms = NULL, attempts = 0, next_ms = ?, queued_ms = ?"
            )
            now = now_ms()
            if ids is None:
                return connection.execute(
                    f"{change} WHERE dead_ms IS NOT NULL", (now, now)
                ).rowcount
            return sum(
                connection.execute(f"{change} WHERE id = ?", (now, now, each)).rowcount
                for each in ids
            )

    def drop(self, ids: Iterable[str] | None) -> int:
        """Delete deliveries, queued or dead, for good; None: all that are dead. How many."""
        with self._writing() as connection:
            if ids is None:
                rows = connection.execute("SELECT id FROM deliveries WHERE dead_ms IS NOT NULL")
                ids = [str(row[0]) for row in rows.fetchall()]
            count = 0
            for each in ids:
                deleted = connection.execute("DELETE FROM deliveries WHERE id = ?", (each,))
                if deleted.rowcount:
                    connection.execute(
                        "INSERT OR REPLACE INTO done VALUES (?, ?)", (each, now_ms())
                    )
                    count += 1
        return count

    def heard_until(self) -> int | None:
        """Return until when events have been heard; None before the first."""
        with self._use():
            row = self._connection.execute(
                "SELECT value FROM meta WHERE key = 'heard_ms'"
            ).fetchone()
        return int(row[0]) if row else None

    def enrolled_again(self, names: Iterable[str], version: str) -> None:
        """Note names of a gallery in use: after the forgetting, they may be written again."""
        with self._use():
            anybody = self._connection.execute("SELECT 1 FROM forgotten LIMIT 1").fetchone()
        if anybody:
            with self._writing() as connection:
                forgotten = Forgotten(connection)
                for name in names:
                    forgotten.enrolled_again(name, version)

    def about(self, name: str) -> list[Delivery]:
        """Return the deliveries that name a person, however the name's accents are encoded."""
        with self._use():
            rows = self._connection.execute(
                f"SELECT DISTINCT {_COLUMNS}, person FROM deliveries JOIN about "  # noqa: S608
                "ON delivery = number ORDER BY number"
            ).fetchall()
        return [_delivery(row[:-1]) for row in rows if composed(row[-1]) == composed(name)]

    def forget(self, name: str, before_version: int | None = None) -> int:
        """Delete what names a person, so that no byte of it stays; how many deliveries.

        before_version: until a gallery of this version or a later one has the name, nothing that
        names it is queued; None: from now on it may be.
        """
        numbers = {delivery.number for delivery in self.about(name)}
        with self._writing() as connection:
            for number in numbers:
                connection.execute("DELETE FROM deliveries WHERE number = ?", (number,))
            if before_version is not None:
                connection.execute(
                    "INSERT OR REPLACE INTO forgotten VALUES (?, ?, ?)",
                    (name_hash(connection, name), before_version, now_ms()),
                )
        with self._use():
            clean(self._connection, self.path)
        return len(numbers)

    @contextlib.contextmanager
    def _use(self) -> Iterator[None]:
        with self._lock, explained_as(self.path, "queue of webhooks", WebhookError):
            if self._signature() != self._file:  # it was deleted, or moved away for its damage
                self._connection.close()
                self._open()
            yield

    def _open(self) -> None:
        self._connection = open_queue(self.path, self._make)
        self._file = self._signature()

    def _signature(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._use(), transaction(self._connection):
            yield self._connection


def _insert(connection: sqlite3.Connection, letter: Letter) -> bool:
    """Write a letter; False where it is there, or was delivered."""
    if connection.execute("SELECT 1 FROM done WHERE id = ?", (letter.id,)).fetchone():
        return False
    now = now_ms()
    made = connection.execute(
        "INSERT OR IGNORE INTO deliveries (id, webhook, event, camera, body, queued_ms, next_ms) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (letter.id, letter.webhook, letter.event, letter.camera, letter.body, now, now),
    )
    if not made.rowcount:
        return False
    for person in set(letter.people):
        connection.execute("INSERT INTO about VALUES (?, ?)", (made.lastrowid, person))
    return True


def _delivery(row: tuple[object, ...]) -> Delivery:
    return Delivery(**dict(zip(_COLUMNS.split(", "), row, strict=True)))  # type: ignore[arg-type]
