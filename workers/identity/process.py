"""The identify process: embeddings and tracks in, identity events out."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zmq

from streamer.bus.sockets import Bus, receive_all
from streamer.config.sections import IdentifyConfig
from streamer.errors import ProtocolError
from streamer.history.corrections import People
from streamer.runtime.drop_log import DropLog, printable
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.runtime.stats import StatsReporter
from streamer.wire.codec import decode
from streamer.wire.counters import StageCount, StageCounters
from streamer.wire.epochs import new_epoch
from streamer.wire.messages import MAX_TEXT, Embeddings, ExpiryEvent, Stats, Tracks
from workers.classifier.impostors import Impostors
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery
from workers.identity.face import Likeness
from workers.identity.gallery_watch import GalleryWatcher
from workers.identity.history_watch import HistoryWatcher
from workers.identity.id_sequence import IdSequence
from workers.identity.ignoring import Ignoring
from workers.identity.kept_strangers import KeptStrangers
from workers.identity.presence import PresenceTracker
from workers.identity.publisher import EventPublisher
from workers.identity.strangers import Strangers

log = logging.getLogger(__name__)

INGEST_HWM = 1024
_POLL_MS = 200
_DRAIN_QUIET_MS = 100
_DRAIN_S = 1.0


@dataclass(frozen=True)
class IdentifyEndpoints:
    """Addresses bound here."""

    ingest: str
    events: str


@dataclass(frozen=True)
class IdentifyFolders:
    """What identify reads and writes: the gallery, the file of strangers' numbers, the history.

    keep_strangers: know them again by what the history keeps of them.
    """

    gallery: Path
    stranger_numbers: Path
    history: Path | None = None
    keep_strangers: bool = False


class Identify:
    """`run()` owns the sockets; it is the last to stop, so that the account is whole."""

    def __init__(
        self,
        config: IdentifyConfig,
        endpoints: IdentifyEndpoints,
        folders: IdentifyFolders,
        impostors: Impostors,
    ) -> None:
        self._config = config
        self._endpoints = endpoints
        self._store = GalleryStore(folders.gallery)
        self._folders = folders
        self._numbers = IdSequence(folders.stranger_numbers)
        self._impostors = impostors
        self._weights = impostors.fingerprint
        self._weights_fault = ""
        self._messages = StageCounters("identify messages")
        self._drops = DropLog(log)

    def run(self, bus: Bus, stop: Stop, heartbeat: Heartbeat) -> None:
        """Serve until `stop`, then use up what has arrived and publish the last report."""
        epoch = new_epoch()
        ingest = bus.bind(zmq.PULL, self._endpoints.ingest, INGEST_HWM, roles=("capture",))
        self._publisher = EventPublisher(bus, self._endpoints.events, self._weights)
        self._reporter = StatsReporter(
            "identify", "identify", epoch=epoch, latencies=self._publisher.latencies
        )
        self._ignoring = Ignoring(self._publisher.publish_event)
        self._strangers = self._make_strangers()
        self._people = PresenceTracker(
            config=self._config,
            likeness=Likeness.of(self._impostors),
            strangers=self._strangers,
            on_event=self._ignoring.take,
            epoch=epoch,
        )
        history = self._folders.history or self._folders.gallery / "no-history"
        with (
            GalleryWatcher(self._store, self._weights) as self._watcher,
            HistoryWatcher(history, self._weights) as self._history,
        ):
            heartbeat.ready()
            while not stop.is_set():
                self._turn(ingest)
                heartbeat.beat()
                ingest.poll(_POLL_MS)
            until = time.monotonic() + _DRAIN_S
            while ingest.poll(_DRAIN_QUIET_MS) and time.monotonic() < until:
                self._turn(ingest)
        self._people.end_everything()
        self._publisher.publish_presence(self._ignoring.presence(self._people.presence()))
        self._publisher.publish_stats(self._reporter.make(self._stages(), final=True))

    def _turn(self, ingest: "zmq.Socket[bytes]") -> None:
        self._publisher.discard_subscriptions()
        if (change := self._watcher.take()) is not None:
            self._use_gallery(change.gallery)
        if (said := self._history.take()) is not None:
            self._use_people(said.people)
            self._publisher.publish_corrections(said.corrections)
        for parts in receive_all(ingest):
            self._messages.receive()
            try:
                message, buffers = decode(parts)
                self._take(message, buffers)
            except ProtocolError as error:
                self._messages.drop("malformed")
                self._drops.tell(error)
            else:
                self._messages.forward()
        self._people.expire()
        if self._reporter.due():
            self._reporter.fault = self._weights_fault or self._watcher.fault[:MAX_TEXT]
            self._publisher.publish_stats(self._reporter.make(self._stages()))
            self._publisher.publish_gallery()
            self._publisher.publish_presence(self._ignoring.presence(self._people.presence()))

    def _take(self, message: object, buffers: list[bytes | memoryview]) -> None:
        match message:
            case Tracks():
                self._people.take_tracks(message)
            case Embeddings():
                self._name(message, buffers[0])
            case Stats():
                self._publisher.publish_stats(message)
            case ExpiryEvent():
                self._publisher.publish_expiry(message)
            case _:
                raise ProtocolError(f"{type(message).__name__} is not for identify")

    def _name(self, message: Embeddings, buffer: bytes | memoryview) -> None:
        embeddings = np.frombuffer(buffer, "<f4").reshape(len(message.crops), -1)
        norms = np.linalg.norm(embeddings, axis=1)
        if not np.isfinite(norms).all() or (np.abs(norms - 1) > 0.01).any():
            raise ProtocolError("embeddings must be finite unit vectors")
        if message.fingerprint != self._weights:
            self._refuse_weights(message)
            return
        self._weights_fault = ""
        for info, certain in self._people.take_embeddings(message.crops, embeddings):
            self._publisher.publish_feedback(info, certain)

    def _refuse_weights(self, message: Embeddings) -> None:
        """Drop the vectors of a worker with other weights: they mean nothing here."""
        self._people.embeddings.receive(len(message.crops))
        self._people.embeddings.drop("other_weights", len(message.crops))
        foreign = printable(message.fingerprint)
        fault = (
            f"a worker uses weights {foreign}, and {self._weights} are configured "
            f"here, so nobody is named from its work; give every host the same embed.weights "
            f"and embed.mirror"
        )
        if fault != self._weights_fault:
            log.error("%s", fault)
        self._weights_fault = fault

    def _make_strangers(self) -> Strangers:
        if self._folders.keep_strangers:
            return KeptStrangers(self._impostors, self._numbers.take)
        limit = self._impostors.same_person_limit()
        return Strangers(self._config.remember_strangers_s, limit, self._numbers.take)

    def _use_people(self, people: People) -> None:
        self._numbers.begin_after(people.last_number)
        if isinstance(self._strangers, KeptStrangers):
            self._strangers.use(people)
        self._ignoring.use(people.ignored)

    def _use_gallery(self, gallery: Gallery | None) -> None:
        self._people.use_gallery(gallery, self._weights)
        self._publisher.use_gallery(gallery)
        log.info("gallery %s is in use", gallery.version if gallery else "of nobody")
        if gallery is not None and gallery.people.names and gallery.classifier.limits is None:
            log.warning(
                "gallery %s was made before there were limits for tracks, so that more strangers "
                "may get a name; make it anew with: facestream rebuild",
                gallery.version,
            )

    def _stages(self) -> tuple[StageCount, ...]:
        return (
            self._people.snapshots.snapshot(),
            self._people.embeddings.snapshot(),
            self._publisher.events.snapshot(),
            self._messages.snapshot(),
        )
