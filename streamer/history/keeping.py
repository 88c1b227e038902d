"""Crops in the history: how many of whom, and what a stranger looks like from them.

Call everything within a transaction.
"""

import sqlite3
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.constants import EMBEDDING_SIZE
from streamer.history.database import changed
from streamer.wire.messages import CropInfo

OF_A_STRANGERS_VISIT = 12
OF_A_STRANGER = 60
OF_A_PERSONS_VISIT = 1


@dataclass(frozen=True)
class Kept:
    """A crop that may be kept: where it comes from, its weights' fingerprint, vector, pixels."""

    info: CropInfo
    weights: str
    embedding: bytes
    pixels: bytes


def keep_crops(
    connection: sqlite3.Connection,
    visit: int,
    person: str | None,
    crops: list[Kept],
    *,
    keep: bool,
    snapshots: bool,
) -> int:
    """Write crops of a visit, and delete its worst beyond what is allowed; how many stayed."""
    if not _limit(person, keep, snapshots):
        return 0
    last = int(connection.execute("SELECT ifnull(max(id), 0) FROM crops").fetchone()[0])
    for crop in crops:
        info = crop.info
        connection.execute(
            "INSERT INTO crops (visit, at_ms, quality, face_px, weights, embedding, pixels) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (visit, info.captured.utc_ns // 1_000_000, info.quality, info.box_xywh[2],
             crop.weights, crop.embedding, crop.pixels),
        )  # fmt: skip
    drop_crops_beyond_limits(connection, visit, person, keep, snapshots)
    stayed = connection.execute(
        "SELECT count(*) FROM crops WHERE visit = ? AND id > ?", (visit, last)
    )
    return int(stayed.fetchone()[0])


def drop_crops_beyond_limits(
    connection: sqlite3.Connection, visit: int, person: str | None, keep: bool, snapshots: bool
) -> None:
    """Delete a visit's worst crops beyond what is allowed of whoever it is."""
    connection.execute(
        "DELETE FROM crops WHERE visit = ? AND id NOT IN (SELECT id FROM crops WHERE visit = ? "
        "ORDER BY quality DESC, id LIMIT ?)",
        (visit, visit, _limit(person, keep, snapshots)),
    )


def refresh_stranger(connection: sqlite3.Connection, name: str) -> None:
    """Make a stranger's template anew from the crops kept; without any, there is none."""
    state = connection.execute("SELECT state FROM strangers WHERE id = ?", (name,)).fetchone()
    if state is not None and state[0] != "kept":
        return
    connection.execute(
        "DELETE FROM crops WHERE id IN (SELECT crops.id FROM crops JOIN visits ON visits.id = visit"
        " WHERE stranger = ? ORDER BY quality DESC, crops.id LIMIT -1 OFFSET ?)",
        (name, OF_A_STRANGER),
    )
    rows = connection.execute(
        "SELECT weights, embedding, visits.seen_ms FROM crops JOIN visits ON visits.id = visit "
        "WHERE stranger = ? ORDER BY crops.at_ms",
        (name,),
    ).fetchall()
    if not rows:
        if state is not None:
            connection.execute("DELETE FROM strangers WHERE id = ?", (name,))
            changed(connection)
        return
    weights = rows[-1][0]
    template = template_of([row[1] for row in rows if row[0] == weights])
    connection.execute(
        "INSERT INTO strangers VALUES (?, 'kept', NULL, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
        "weights = excluded.weights, template = excluded.template, seen_ms = excluded.seen_ms",
        (name, weights, template.tobytes(), max(row[2] for row in rows)),
    )


def template_of(embeddings: list[bytes]) -> NDArray[np.float32]:
    """Return the mean of embeddings, (128,) of unit length."""
    vectors = np.frombuffer(b"".join(embeddings), "<f4").reshape(-1, EMBEDDING_SIZE)
    mean = vectors.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


def _limit(person: str | None, keep: bool, snapshots: bool) -> int:
    if person is not None:
        return OF_A_PERSONS_VISIT if snapshots else 0
    return OF_A_STRANGERS_VISIT if keep else 0
