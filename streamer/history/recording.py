"""From published messages to rows: events, and visits from enter to exit.

A visit is one person from enter to exit, as one track or several that go on from each other. It has
the name that they have now: a vote that changes its mind renames the visit, while events stay as
they were published. Call everything within a transaction.
"""

import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from streamer.errors import ProtocolError
from streamer.history.forgetting import Forgotten
from streamer.history.keeping import drop_crops_beyond_limits, refresh_stranger
from streamer.wire.messages import IdentityEvent, PresenceEvent, PresentTrack

_CLOCKS_DIFFER_MS = 3600 * 1000
"""A camera's host whose time is further from ours than this is not believed."""


@dataclass(frozen=True)
class Rules:
    """What may be written down of whom.

    strangers: visits of people who are not enrolled. keep: their crops, too. snapshots: the best
    crop of each visit of somebody enrolled.
    """

    strangers: bool = False
    keep: bool = False
    snapshots: bool = False

    @property
    def takes_strangers(self) -> bool:
        """Whether visits of people who are not enrolled are written down."""
        return self.strangers or self.keep


@dataclass(frozen=True)
class Visit:
    """A row of `visits`, as far as recording needs it; `inside`: the track in question is there."""

    number: int
    person: str | None
    stranger: str | None
    inside: bool = True


class Recorder:
    """Writes through one connection, within the transaction of whoever calls.

    `ended`: the tracks (camera, public id) whose exit was recorded, with the visit it was of, None
    where that is not written down, and the published time. They may go on as somebody else's.
    """

    def __init__(self, connection: sqlite3.Connection, rules: Rules) -> None:
        self._connection = connection
        self._rules = rules
        self._forgotten = Forgotten(connection)
        self.ended: dict[tuple[str, str], tuple[int | None, int]] = {}

    def record(self, event: IdentityEvent, heard_ms: int) -> str | None:
        """Write an event that was heard at a time; why it was not written, or None.

        Raises ProtocolError for a time that is none.
        """
        captured_ms = milliseconds(event.captured_utc)
        at_ms = captured_ms
        if abs(captured_ms - heard_ms) > _CLOCKS_DIFFER_MS:  # rows are deleted by this host's clock
            at_ms = heard_ms - round(min(max(0.0, event.age_ms), _CLOCKS_DIFFER_MS))
        person, reason = self._who(event.identity, event.stranger)
        if event.event == "exit":
            self.ended[event.camera, event.track] = None, captured_ms
        if reason:
            return reason
        visit = self._visit_named(event.camera, visit_id(event))
        if visit is not None and visit.person != person and self._said_not(visit.number, person):
            person = None
        if person is None and not self._rules.takes_strangers:
            event = replace(event, stranger=None)  # of one who was taken for somebody until now
        if visit is None:
            if person is None and not self._rules.takes_strangers:
                return "strangers_off"
            visit = self._enter(event.camera, event, event.epoch, person, at_ms)
            renamed = True
        else:
            renamed = (visit.person, visit.stranger) != (person, event.stranger)
            self._connection.execute(
                "UPDATE visits SET person = ?, stranger = ?, probability = ?, epoch = ?, "
                "track = iif(?, track, ?), seen_ms = max(seen_ms, ?), left_ms = NULL WHERE id = ?",
                (person, event.stranger, event.probability, event.epoch, event.event == "exit",
                 event.track, at_ms, visit.number),
            )  # fmt: skip
        self._note_track(event.camera, event.track, visit.number, event.event != "exit")
        if renamed:
            self._settle_crops(visit, person, event.stranger)
        if event.event == "exit":
            self.ended[event.camera, event.track] = visit.number, captured_ms
            self._leave(visit.number, at_ms)
        if event.event != "update" or renamed:
            self._write_event(event, person, visit.number, at_ms)
        return None

    def note_presence(self, event: PresenceEvent, heard_ms: int) -> None:
        """Learn who was there when a snapshot was heard: others had left, whatever was lost."""
        there = {visit_id(track) for track in event.present}
        open_now = self._connection.execute(
            "SELECT id, published, epoch FROM visits WHERE camera = ? AND left_ms IS NULL",
            (event.camera,),
        ).fetchall()
        for number, visit, epoch in open_now:
            if visit not in there or epoch != event.epoch:
                self._close(number)
        for track in event.present:
            self._note_present(event, track, heard_ms)

    def close_all(self) -> int:
        """End every visit that is open where it was last seen; how many there were."""
        self._connection.execute("UPDATE tracks SET inside = 0 WHERE inside")
        closed = self._connection.execute(
            "UPDATE visits SET left_ms = seen_ms WHERE left_ms IS NULL"
        )
        return closed.rowcount

    def visit_of(self, camera: str, track: str) -> Visit | None:
        """Return the visit that a track is part of."""
        row = self._connection.execute(
            "SELECT id, person, stranger, inside FROM tracks JOIN visits ON visits.id = visit "
            "WHERE tracks.camera = ? AND tracks.track = ?",
            (camera, track),
        ).fetchone()
        return Visit(*row) if row else None

    def _visit_named(self, camera: str, visit: str) -> Visit | None:
        row = self._connection.execute(
            "SELECT id, person, stranger FROM visits WHERE camera = ? AND published = ?",
            (camera, visit),
        ).fetchone()
        return Visit(*row) if row else None

    def _who(self, identity: str | None, stranger: str | None) -> tuple[str | None, str]:
        """Return who it is by what users have said since, or why nothing may be written."""
        if identity is None and stranger is not None:
            row = self._connection.execute(
                "SELECT state, person FROM strangers WHERE id = ?", (stranger,)
            ).fetchone()
            if row is not None and row[0] in ("ignored", "gone"):
                return None, "ignored" if row[0] == "ignored" else "forgotten"
            identity = row[1] if row else None
        if identity is not None and identity in self._forgotten:
            return None, "forgotten"
        ignored = (
            identity is not None
            and self._connection.execute(
                "SELECT 1 FROM ignored WHERE person = ?", (identity,)
            ).fetchone()
        )
        return identity, "ignored" if ignored else ""

    def _said_not(self, visit: int, person: str | None) -> bool:
        """Tell whether users have said that a visit, which may go on, is not that person's."""
        said = self._connection.execute(
            "SELECT 1 FROM corrections WHERE correction = 'not' AND before = ? "
            "AND track IN (SELECT track FROM tracks WHERE visit = ?)",
            (person, visit),
        )
        return said.fetchone() is not None

    def _note_present(self, event: PresenceEvent, track: PresentTrack, heard_ms: int) -> None:
        person, reason = self._who(track.identity, track.stranger)
        if reason:
            return
        visit = self._visit_named(event.camera, visit_id(track))
        if visit is None:
            if person is None and not self._rules.takes_strangers:
                return
            entered_ms = min(milliseconds(track.entered_utc), heard_ms)
            visit = self._enter(event.camera, track, event.epoch, person, entered_ms)
        self._connection.execute(
            "UPDATE visits SET left_ms = NULL, epoch = ?, seen_ms = max(seen_ms, ?) WHERE id = ?",
            (event.epoch, heard_ms, visit.number),
        )
        self._note_track(event.camera, track.track, visit.number, inside=True)

    def _enter(
        self,
        camera: str,
        seen: IdentityEvent | PresentTrack,
        epoch: str,
        person: str | None,
        at_ms: int,
    ) -> Visit:
        made = self._connection.execute(
            "INSERT INTO visits (camera, published, track, epoch, person, stranger, probability, "
            "entered_ms, seen_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (camera, visit_id(seen), seen.track, epoch, person, seen.stranger, seen.probability,
             at_ms, at_ms),
        )  # fmt: skip
        return Visit(int(made.lastrowid or 0), person, seen.stranger)

    def _note_track(self, camera: str, track: str, visit: int, inside: bool) -> None:
        self._connection.execute(
            "INSERT INTO tracks VALUES (?, ?, ?, ?) ON CONFLICT (camera, track) DO UPDATE SET "
            "visit = excluded.visit, inside = excluded.inside",
            (camera, track, visit, inside),
        )

    def _leave(self, visit: int, at_ms: int) -> None:
        """End a visit, unless the person went on as another track."""
        inside = self._connection.execute(
            "SELECT 1 FROM tracks WHERE visit = ? AND inside", (visit,)
        ).fetchone()
        if not inside:
            self._connection.execute(
                "UPDATE visits SET left_ms = ?, seen_ms = ? WHERE id = ?", (at_ms, at_ms, visit)
            )

    def _close(self, visit: int) -> None:
        self._connection.execute("UPDATE tracks SET inside = 0 WHERE visit = ?", (visit,))
        self._connection.execute("UPDATE visits SET left_ms = seen_ms WHERE id = ?", (visit,))

    def _settle_crops(self, before: Visit, person: str | None, stranger: str | None) -> None:
        """Keep of a renamed visit what is allowed of who it is now."""
        keep, snapshots = self._rules.keep, self._rules.snapshots
        drop_crops_beyond_limits(self._connection, before.number, person, keep, snapshots)
        for name in {before.stranger, stranger} - {None}:
            refresh_stranger(self._connection, str(name))

    def _write_event(
        self, event: IdentityEvent, person: str | None, visit: int, at_ms: int
    ) -> None:
        self._connection.execute(
            "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (event.id, visit, event.event, at_ms, person, event.stranger,
             event.probability, event.squared_distance, *event.box_xywh, event.weights,
             event.gallery),
        )  # fmt: skip


def visit_id(seen: IdentityEvent | PresentTrack) -> str:
    """Return the id of the visit that a track is part of: its own, where none was published."""
    return str(getattr(seen, "visit", "")) or seen.track


def milliseconds(utc: str) -> int:
    """Return the milliseconds since 1970 of an RFC 3339 time. Raises ProtocolError."""
    try:
        moment = datetime.fromisoformat(utc)
        return round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise ProtocolError(f"a time must be as RFC 3339 has it. Received: {utc!r:.40}") from error
