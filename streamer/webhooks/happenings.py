"""From published messages to what is worth telling: who came, turned out to be another, and left.

A person goes on as another track within one visit; that is neither a coming nor a leaving. A
snapshot of who is there (PresenceEvent) says which visits have ended, whatever was lost.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass, field

from streamer.config.webhooks import EventKind
from streamer.wire.messages import (
    CorrectionEvent,
    ExpiryEvent,
    IdentityEvent,
    PresenceEvent,
    PresentTrack,
    Stats,
)
from streamer.wire.timestamps import utc_text

MAX_VISITS = 4096
_TOLD_STATES = ("running", "stalled", "retrying", "ended", "stopped")


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One thing to tell, in fields that every webhook's body may use; "" where there is none.

    id: of it alone, the same whenever it is heard again. before: who it was taken for until now.
    text: all of it for people. People are enrolled ones; `stranger` is an id, as unknown-17 is.
    """

    event: EventKind
    id: str
    at_utc: str
    text: str
    camera: str = ""
    identity: str = ""
    stranger: str = ""
    before: str = ""
    probability: float = 0.0
    visit: str = ""
    track: str = ""
    state: str = ""
    expires_utc: str = ""

    @property
    def people(self) -> tuple[str, ...]:
        """Return the enrolled people whom it names."""
        return tuple(dict.fromkeys(name for name in (self.identity, self.before) if name))


@dataclass
class _Visit:
    epoch: str
    identity: str
    stranger: str
    probability: float
    tracks: set[str] = field(default_factory=set)


class Happenings:
    """`take` messages in the order in which they are published; each returns what to tell."""

    def __init__(self) -> None:
        self._visits: OrderedDict[tuple[str, str], _Visit] = OrderedDict()
        self._seen_cameras: OrderedDict[str, str] = OrderedDict()
        self._states: OrderedDict[str, str] = OrderedDict()

    def take(self, message: object) -> list[Happening]:
        """Return what a message tells."""
        match message:
            case IdentityEvent():
                return self._take_identity(message)
            case PresenceEvent():
                return self._take_presence(message)
            case CorrectionEvent():
                return [_correction(message)]
            case ExpiryEvent() if message.expiry == "soon":  # later there is nobody to be named
                return [_expiry(message)]
            case Stats() if message.camera_state is not None:
                return self._take_camera(message)
        return []

    def _take_identity(self, event: IdentityEvent) -> list[Happening]:
        key = event.camera, event.visit or event.track
        visit = self._visits.get(key)
        identity, stranger = event.identity or "", event.stranger or ""
        if event.event == "exit":
            if visit is not None:
                visit.tracks.discard(event.track)
                if visit.tracks:
                    return []
                del self._visits[key]
            return [_of(event, "exit")]
        if visit is None:
            began_unheard = event.event == "update" or (
                event.joined is not None and self._seen_cameras.get(event.camera) != event.epoch
            )
            visit = _Visit(event.epoch, identity, stranger, event.probability, {event.track})
            self._visits[key] = visit
            if len(self._visits) > MAX_VISITS:
                self._visits.popitem(last=False)
            return [] if began_unheard else [_of(event, "enter")]
        before = visit.identity or visit.stranger
        changed = visit.identity != identity
        visit.tracks.add(event.track)
        visit.identity, visit.stranger = identity, stranger
        visit.probability = event.probability
        return [_of(event, "change", before)] if changed else []

    def _take_presence(self, event: PresenceEvent) -> list[Happening]:
        there: dict[str, list[PresentTrack]] = {}
        for track in event.present:
            there.setdefault(track.visit or track.track, []).append(track)
        gone = []
        for (camera, visit), known in list(self._visits.items()):
            if camera == event.camera and (known.epoch != event.epoch or visit not in there):
                del self._visits[camera, visit]
                gone.append(_gone(camera, visit, known))
        for visit, tracks in there.items():
            known = self._visits.setdefault(
                (event.camera, visit),
                _Visit(
                    event.epoch,
                    tracks[0].identity or "",
                    tracks[0].stranger or "",
                    tracks[0].probability,
                ),
            )
            known.tracks = {track.track for track in tracks}
        self._seen_cameras[event.camera] = event.epoch
        if len(self._seen_cameras) > MAX_VISITS:
            self._seen_cameras.popitem(last=False)
        while len(self._visits) > MAX_VISITS:
            self._visits.popitem(last=False)
        return gone

    def _take_camera(self, stats: Stats) -> list[Happening]:
        """Tell that a camera is away, or back; the first state of all is no news."""
        now = stats.camera_state
        before = self._states.get(stats.name)
        if now is None or now.state not in _TOLD_STATES or now.state == before:
            return []
        self._states[stats.name] = now.state
        if len(self._states) > MAX_VISITS:
            self._states.popitem(last=False)
        if before is None:
            return []
        return [
            Happening(
                event="camera",
                id=f"{stats.epoch}-{now.state}-{stats.sent_utc}",
                at_utc=stats.sent_utc,
                text=f"camera {stats.name}: {now.state} {now.detail}".rstrip(),
                camera=stats.name,
                state=now.state,
            )
        ]


def _of(event: IdentityEvent, kind: EventKind, before: str = "") -> Happening:
    who = event.identity or event.stranger or "somebody"
    text = {
        "enter": f"{who} enters at {event.camera}",
        "exit": f"{who} leaves {event.camera}",
        "change": f"{before or 'somebody'} at {event.camera} is {who}",
    }[kind]
    return Happening(
        event=kind,
        id=event.id,
        at_utc=event.captured_utc,
        text=text,
        camera=event.camera,
        identity=event.identity or "",
        stranger=event.stranger or "",
        before=before,
        probability=event.probability,
        visit=event.visit or event.track,
        track=event.track,
    )


def _gone(camera: str, visit: str, known: _Visit) -> Happening:
    who = known.identity or known.stranger or "somebody"
    return Happening(
        event="exit",
        id=f"{visit}-gone",
        at_utc=utc_text(time.time_ns()),
        text=f"{who} leaves {camera}",
        camera=camera,
        identity=known.identity,
        stranger=known.stranger,
        probability=known.probability,
        visit=visit,
        track=min(known.tracks, default=""),
    )


def _correction(event: CorrectionEvent) -> Happening:
    text = (
        f"{event.before} is {event.identity}"
        if event.correction == "name"
        else f"it was not {event.before}"
    )
    return Happening(
        event="correction",
        id=f"correction-{event.id}-{event.made_utc}",
        at_utc=event.made_utc,
        text=text,
        identity=event.identity or "",
        before=event.before,
        track=event.track or "",
    )


def _expiry(event: ExpiryEvent) -> Happening:
    now = utc_text(time.time_ns())
    return Happening(
        event="expiry",
        id=f"expiry-{event.expires_utc}-{now}",
        at_utc=now,
        text=f"{event.person} will be forgotten on {event.expires_utc[:10]}",
        identity=event.person,
        expires_utc=event.expires_utc,
    )
