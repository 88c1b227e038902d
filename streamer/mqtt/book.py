"""Who is before which camera, and which enrolled people are there, from what the pipeline says."""

from dataclasses import dataclass, field

from streamer.wire.messages import IdentityEvent, PresenceEvent, PresentTrack

SEEN_EVERY_S = 10.0
"""What is told of somebody who stays is told again so often."""
MAX_TRACKS = 1024


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A track that is there. who: the name of somebody enrolled, or a stranger's id."""

    who: str
    enrolled: bool
    track: str
    visit: str
    probability: float
    since_utc: str


@dataclass(frozen=True, kw_only=True)
class Happening:
    """What Home Assistant has as an event. kind: `enter`, `exit`, or `stranger`, who enters."""

    kind: str
    camera: str
    seen: Seen
    box_xywh: tuple[int, int, int, int]
    time_utc: str


@dataclass
class CameraBook:
    """One camera's tracks, in the order in which they came. face_of: who is in its picture."""

    tracks: dict[str, Seen] = field(default_factory=dict)
    face_of: str | None = None
    online: bool = False
    paused: bool = False


@dataclass
class PersonBook:
    """An enrolled person. since_utc: there since; seen_s: monotonic, when last seen."""

    present: bool = False
    camera: str = ""
    since_utc: str = ""
    last_seen_utc: str = ""
    probability: float = 0.0
    seen_s: float = 0.0
    told_s: float = -SEEN_EVERY_S


class Book:
    """Of the cameras of the config, and of people who are enrolled: all else is left out.

    `changed_cameras` and `changed_people` are to be told, and emptied by whoever does. Times in
    `now_s` are of the monotonic clock.
    """

    def __init__(self, cameras: tuple[str, ...], absence_s: float) -> None:
        self.cameras = {camera: CameraBook() for camera in cameras}
        self.people: dict[str, PersonBook] = {}
        self.changed_cameras = set(cameras)
        self.changed_people: set[str] = set()
        self._absence_s = absence_s

    def enrol(self, names: frozenset[str]) -> None:
        """Know these people, and forget all others, with whatever is known of them."""
        for name in names - self.people.keys():
            self.people[name] = PersonBook()
            self.changed_people.add(name)
        gone = self.people.keys() - names
        for name in gone:
            del self.people[name]
            self.changed_people.discard(name)
        for camera, book in self.cameras.items():
            kept = {k: seen for k, seen in book.tracks.items() if seen.who not in gone}
            if len(kept) < len(book.tracks):
                book.tracks = kept
                self.changed_cameras.add(camera)

    def take_event(self, event: IdentityEvent, now_s: float) -> list[Happening]:
        """Learn of one track."""
        book = self.cameras.get(event.camera)
        if book is None:
            return []
        before = dict(book.tracks)
        known = before.get(event.track)
        seen = self._seen(event, known.since_utc if known else event.captured_utc)
        if event.event == "exit" or seen is None:
            book.tracks.pop(event.track, None)
        elif len(book.tracks) < MAX_TRACKS or known:
            book.tracks[event.track] = seen
            self._note(seen, event.camera, event.captured_utc, now_s)
        if event.event == "exit" and known and known.who in self.people:
            self._note(known, event.camera, event.captured_utc, now_s)
        return self._compare(event.camera, before, event.box_xywh, event.captured_utc)

    def take_presence(
        self, snapshot: PresenceEvent, time_utc: str, now_s: float
    ) -> list[Happening]:
        """Learn of everybody before a camera: what was lost is made good."""
        book = self.cameras.get(snapshot.camera)
        if book is None:
            return []
        before = dict(book.tracks)
        found = {each.track: self._seen(each, each.entered_utc) for each in snapshot.present}
        book.tracks = {track: seen for track, seen in found.items() if seen is not None}
        for seen in book.tracks.values():
            self._note(seen, snapshot.camera, time_utc, now_s)
        return self._compare(snapshot.camera, before, (0, 0, 0, 0), time_utc)

    def nobody(self, camera: str, time_utc: str) -> list[Happening]:
        """Note that a camera is not heard of any more."""
        before, self.cameras[camera].tracks = self.cameras[camera].tracks, {}
        return self._compare(camera, before, (0, 0, 0, 0), time_utc)

    def set_camera(self, camera: str, *, online: bool, paused: bool) -> None:
        """Note what a camera's process says of it."""
        book = self.cameras.get(camera)
        if book is not None and (book.online, book.paused) != (online, paused):
            book.online, book.paused = online, paused
            self.changed_cameras.add(camera)

    def set_face(self, camera: str, who: str | None) -> None:
        """Note whose face the camera's picture shows."""
        self.cameras[camera].face_of = who
        self.changed_cameras.add(camera)

    def expire(self, now_s: float) -> None:
        """Have those be gone whom nobody has seen for long enough."""
        there = {seen.who for book in self.cameras.values() for seen in book.tracks.values()}
        for name, person in self.people.items():
            if name in there or not person.present:
                continue
            if now_s - person.seen_s >= self._absence_s:
                person.present, person.camera, person.since_utc = False, "", ""
                self.changed_people.add(name)

    def _seen(self, said: IdentityEvent | PresentTrack, since_utc: str) -> Seen | None:
        """Return what is to be known of a track; nothing where it shows nobody that may be named.

        A name that is not enrolled (any more) is nobody's.
        """
        who = said.identity or said.stranger
        if not who or (said.identity and said.identity not in self.people):
            return None
        return Seen(
            who=who,
            enrolled=said.identity is not None,
            track=said.track,
            visit=said.visit or said.track,
            probability=round(said.probability, 4),
            since_utc=since_utc,
        )

    def _note(self, seen: Seen, camera: str, time_utc: str, now_s: float) -> None:
        if not seen.enrolled:
            return
        person = self.people[seen.who]
        moved = not person.present or person.camera != camera
        # Of two cameras that see somebody, the one of the later visit is where she is.
        other = self.cameras.get(person.camera)
        if person.present and moved and other is not None:
            there = [each for each in other.tracks.values() if each.who == seen.who]
            moved = not any(each.since_utc > seen.since_utc for each in there)
        if not person.present:
            person.present, person.since_utc = True, time_utc
        if moved:
            person.camera = camera
        person.seen_s = now_s
        person.last_seen_utc = max(person.last_seen_utc, time_utc)
        person.probability = seen.probability
        if moved or now_s - person.told_s >= SEEN_EVERY_S:
            person.told_s = now_s
            self.changed_people.add(seen.who)

    def _compare(
        self, camera: str, before: dict[str, Seen], box: tuple[int, int, int, int], time_utc: str
    ) -> list[Happening]:
        """Return who has come and gone, once for each visit."""
        after = self.cameras[camera].tracks
        old = {(seen.visit, seen.who): seen for seen in before.values()}
        new = {(seen.visit, seen.who): seen for seen in after.values()}
        if list(old) != list(new):
            self.changed_cameras.add(camera)
        gone = [seen for key, seen in old.items() if key not in new]
        come = [seen for key, seen in new.items() if key not in old]
        self.changed_people |= {seen.who for seen in gone if seen.enrolled}
        return [
            Happening(kind=kind, camera=camera, seen=seen, box_xywh=box, time_utc=time_utc)
            for kind, seen in [
                *(("exit", seen) for seen in gone),
                *(("enter" if seen.enrolled else "stranger", seen) for seen in come),
            ]
        ]
