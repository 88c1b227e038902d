"""From what the pipeline says to what the broker is to hold: the whole of it without a socket."""

import logging
import time
from collections.abc import Callable

from streamer.config.sections import MqttConfig
from streamer.mqtt import discovery
from streamer.mqtt.book import Book, Happening
from streamer.mqtt.elsewhere import messages
from streamer.mqtt.faces import Face, Faces
from streamer.mqtt.inbound import Described, Held
from streamer.mqtt.naming import Topics, slug
from streamer.mqtt.outbox import Outbox
from streamer.mqtt.roster import Roster
from streamer.mqtt.states import (
    as_json,
    camera_states,
    event_payload,
    online,
    people_state,
    person_states,
)
from streamer.runtime.drop_log import DropLog
from streamer.wire.messages import (
    CorrectionEvent,
    FrameEvent,
    GalleryEvent,
    IdentityEvent,
    PresenceEvent,
    Stats,
)
from streamer.wire.timestamps import utc_text

log = logging.getLogger(__name__)

MAX_PEOPLE = 500
SILENT_S = 5.0
MAX_LATER = 5000
MAX_TOPICS = 20_000

Watch = Callable[[str, bool], None]


class Teller:
    """Puts into the outbox what the broker is to hold and to hear.

    watch: subscribes to a camera's pictures, or ends it; pauses: cameras take commands. Times in
    `now_s` are of the monotonic clock.
    """

    def __init__(
        self,
        config: MqttConfig,
        topics: Topics,
        cameras: tuple[str, ...],
        outbox: Outbox,
        watch: Watch,
        *,
        pauses: bool,
    ) -> None:
        self._config = config
        self._topics = topics
        self._outbox = outbox
        self._roster = Roster()
        self._book = Book(cameras, config.absence_s)
        self._faces = Faces(watch)
        self._slugs: dict[str, str] = {}
        self._heard_s: float | None = None
        self._camera_heard_s: dict[str, float] = {}
        self._later: list[Held | Described] = []
        self._drops = DropLog(log, "not all people are told of")
        self._devices = {
            topics.device(camera): discovery.camera_device(
                topics, camera, faces=config.faces != "none", pauses=pauses
            )
            for camera in cameras
        }
        for device, description in self._devices.items():
            outbox.state(topics.config(device), as_json(description))
        outbox.state(topics.available, online(False))

    def hear(self, message: object, now_s: float) -> None:
        """Learn from a message of the pipeline."""
        self._heard_s = now_s
        match message:
            case IdentityEvent():
                self._happen(self._book.take_event(message, now_s), now_s)
                self._show(self._faces.take_event(message), now_s)
            case PresenceEvent():
                happenings = self._book.take_presence(message, _utc(), now_s)
                self._happen(happenings, now_s)
            case GalleryEvent():
                self._use(message)
            case CorrectionEvent():
                self._correct(message)
            case Stats() if message.role == "capture" and message.camera_state is not None:
                state = message.camera_state.state
                is_online = state in ("running", "paused") and not message.final
                self._camera_heard_s[message.name] = now_s
                self._book.set_camera(message.name, online=is_online, paused=state == "paused")

    def see(self, frame: FrameEvent, jpeg: bytes, now_s: float) -> None:
        """Learn of a picture."""
        self._show(self._faces.take_picture(frame, jpeg), now_s)

    def turn(self, now_s: float) -> None:
        """Have time pass, and tell what has changed."""
        hears = self._heard_s is not None and now_s - self._heard_s < SILENT_S
        for camera, book in self._book.cameras.items():
            if not hears and book.tracks:
                self._happen(self._book.nobody(camera, _utc()), now_s)
            silent_s = now_s - self._camera_heard_s.get(camera, -SILENT_S)
            if book.online and silent_s >= SILENT_S:
                self._book.set_camera(camera, online=False, paused=book.paused)
        self._book.expire(now_s)
        self._faces.expire(now_s)
        self._tell_changes()
        self._outbox.state(self._topics.available, online(hears))

    def tell_all_again(self) -> None:
        """Have everything be sent again, the descriptions of devices first."""
        first = f"{self._topics.discovery}/"
        self._outbox.send_all_again(lambda topic: topic.startswith(first))

    def leave(self) -> None:
        """Tell that nobody tells any more."""
        self._outbox.state(self._topics.available, online(False))

    def sweep(self, held: Held) -> None:
        """Clear what the broker holds if it is of nobody and nothing that is there now."""
        if held.group == "person" and self._roster.names is None:
            self._keep_for_later(held)
        elif self._is_stale(held) and len(self._outbox) < MAX_TOPICS:
            self._outbox.clear([held.topic])
            if held.group == "camera" and held.of not in self._book.cameras:
                self._outbox.clear([self._topics.config(self._topics.device(held.of))])

    def compare(self, described: Described) -> None:
        """Have Home Assistant remove entities that it may know and that are there no more."""
        device = self._devices.get(described.device)
        if device is None:
            self._keep_for_later(described)
            return
        gone = [each for each in described.components if each[0] not in device["cmps"]]
        if gone:
            self._remove(described.device, gone)

    def _keep_for_later(self, what: Held | Described) -> None:
        """Wait until it is known who is enrolled."""
        if len(self._later) < MAX_LATER:
            self._later.append(what)

    def _is_stale(self, held: Held) -> bool:
        if held.group == "person":
            return held.of not in self._slugs or held.what not in discovery.PERSON_TOPICS
        book = self._book.cameras.get(held.of)
        if book is None or held.what not in discovery.CAMERA_TOPICS:
            return True
        return held.what == "face" and book.face_of is None  # of an earlier run: whose, who knows

    def _use(self, event: GalleryEvent) -> None:
        """Learn who is enrolled; nothing is left of those who are no more."""
        before = self._roster.names
        gone = self._roster.take(event)
        names = self._roster.names
        if names is None or names == before:
            return
        if len(names) > MAX_PEOPLE:
            self._drops.tell(f"{len(names)} are enrolled, and {MAX_PEOPLE} have entities")
        self._book.enrol(names)
        slugs = {slug(name): name for name in sorted(names)[:MAX_PEOPLE]}
        removed = [each for each in self._slugs if each not in slugs]
        self._slugs = slugs
        device = discovery.host_device(self._topics, slugs)
        self._devices[self._topics.host] = device
        self._outbox.state(self._topics.config(self._topics.host), as_json(device))
        if removed:
            components = [pair for s in removed for pair in discovery.person_components(s).items()]
            self._remove(self._topics.host, components)
        for each in removed:
            self._outbox.clear(self._topics.person(each, what) for what in discovery.PERSON_TOPICS)
        if gone:
            self._forget(gone)
        later, self._later = self._later, []
        for held in later:
            self.compare(held) if isinstance(held, Described) else self.sweep(held)

    def _forget(self, gone: frozenset[str]) -> None:
        """Drop what waits about these people, and every face that may be one of theirs."""
        self._outbox.forget(gone)
        self._faces.forget(gone)
        for camera, book in self._book.cameras.items():
            if book.face_of is not None and book.face_of not in self._book.people:
                self._clear_face(camera)

    def _remove(self, device: str, gone: list[tuple[str, str]]) -> None:
        """Say once that entities are gone, and then describe the device without them."""
        topic, description = self._topics.config(device), self._devices[device]
        self._outbox.once(topic, as_json(discovery.without(description, gone)))
        self._outbox.state(topic, as_json(description), again=True)

    def _correct(self, said: CorrectionEvent) -> None:
        for camera, book in self._book.cameras.items():
            if book.face_of != said.before:
                continue
            if said.correction == "name" and said.identity in self._book.people:
                self._book.set_face(camera, said.identity)
            else:
                self._clear_face(camera)

    def _clear_face(self, camera: str) -> None:
        self._outbox.clear([self._topics.camera(camera, "face")])
        self._book.set_face(camera, None)

    def _happen(self, happenings: list[Happening], now_s: float) -> None:
        for each in happenings:
            seen = each.seen
            to = self._topics.camera(each.camera, "event")
            self._outbox.event(to, event_payload(each), seen.who, now_s)
            for other, payload in messages(each, self._config.also):
                self._outbox.event(other, payload, seen.who, now_s)
            wanted = "all" if each.kind == "stranger" else "enrolled"
            if each.kind != "exit" and self._config.faces in (wanted, "all"):
                self._faces.want(each.camera, seen.track, seen.who, now_s)

    def _show(self, face: Face | None, now_s: float) -> None:
        if face is None:
            return
        self._faces.done(face.camera, now_s)
        self._outbox.state(self._topics.camera(face.camera, "face"), face.jpeg)
        self._book.set_face(face.camera, face.who)

    def _tell_changes(self) -> None:
        book = self._book
        for camera in book.changed_cameras:
            self._outbox.states(camera_states(self._topics, camera, book.cameras[camera]))
        for each, name in self._slugs.items():
            if name in book.changed_people:
                self._outbox.states(person_states(self._topics, each, name, book.people[name]))
        book.changed_cameras.clear()
        book.changed_people.clear()
        if self._roster.names is not None:
            self._outbox.state(self._topics.people, people_state(book))


def _utc() -> str:
    return utc_text(time.time_ns())
