"""A person's new name in the history, as an enrolled person gets one or turns out to be another."""

import sqlite3
import time

from streamer.history.database import changed, transaction

_UPDATES = (
    "UPDATE visits SET person = :name WHERE person = :person",
    "UPDATE events SET person = :name WHERE person = :person",
    "UPDATE strangers SET person = :name WHERE person = :person",
    "UPDATE OR REPLACE ignored SET person = :name WHERE person = :person",
)
_CORRECTIONS = (
    "UPDATE corrections SET before = :name WHERE before = :person",
    "UPDATE corrections SET identity = :name WHERE identity = :person",
)


def rename_person(connection: sqlite3.Connection, person: str, name: str, tell: bool = True) -> int:
    """Give everything of one name another one; how many visits that were.

    tell: also note a correction, which is published; a second call, for what came meanwhile, does
    not.
    """
    names = {"person": person, "name": name}
    with transaction(connection):
        visits = connection.execute(_UPDATES[0], names).rowcount
        for update in (*_UPDATES[1:], *(_CORRECTIONS if tell else ())):
            connection.execute(update, names)
        if tell:
            connection.execute(
                "INSERT INTO corrections (correction, before, identity, track, made_ms) "
                "VALUES ('name', :person, :name, NULL, :now)",
                {**names, "now": time.time_ns() // 1_000_000},
            )
        changed(connection)
    return visits
