"""What identify publishes: events, who is present, the gallery, statistics, feedback."""

from collections.abc import Iterable

import zmq

from streamer.bus.sockets import Bus, receive_all
from streamer.wire.codec import encode
from streamer.wire.counters import StageCounters
from streamer.wire.latencies import LatencyCounters
from streamer.wire.messages import (
    MAX_NAMES,
    CorrectionEvent,
    CropInfo,
    ExpiryEvent,
    GalleryEvent,
    IdentityEvent,
    PresenceEvent,
    Stats,
    TrackFeedback,
)
from streamer.wire.topics import CORRECTION, EXPIRY, GALLERY, STATS, topic
from workers.gallery.version import Gallery

EVENTS_HWM = 1000


class EventPublisher:
    """The socket of the events. A subscriber that is too slow loses messages, and nobody waits.

    ZeroMQ does not say which message was dropped for whom, so none is counted as dropped here;
    `number` in the events tells it to the subscriber.
    """

    def __init__(self, bus: Bus, address: str, weights: str) -> None:
        self._socket = bus.bind(zmq.XPUB, address, EVENTS_HWM, roles=("capture", "subscriber"))
        self._weights = weights
        self._gallery: Gallery | None = None
        self._next_part = 0
        self.events = StageCounters("events")
        self.latencies = LatencyCounters("events")

    def publish_event(self, event: IdentityEvent) -> None:
        """Publish who enters, is seen or leaves."""
        self.events.receive()
        self._send(topic("identity", event.camera), event)
        self.events.forward()
        if event.event != "exit":  # which waits on purpose
            self.latencies.observe(event.age_ms / 1000, event.camera)

    def publish_presence(self, snapshots: Iterable[PresenceEvent]) -> None:
        """Publish who is there, for every camera."""
        for snapshot in snapshots:
            self._send(topic("presence", snapshot.camera), snapshot)

    def publish_corrections(self, corrections: Iterable[CorrectionEvent]) -> None:
        """Publish what users have said."""
        for correction in corrections:
            self._send(CORRECTION, correction)

    def publish_stats(self, stats: Stats) -> None:
        """Publish a process's report."""
        self._send(STATS, stats)

    def publish_expiry(self, expiry: ExpiryEvent) -> None:
        """Publish who is or will be forgotten, as control says."""
        self._send(EXPIRY, expiry)

    def publish_feedback(self, info: CropInfo, certain: bool) -> None:
        """Tell a camera that its crop was used, and whether the track is certain."""
        feedback = TrackFeedback(
            camera=info.camera,
            epoch=info.epoch,
            track=info.track,
            sequence=info.sequence,
            certain=certain,
        )
        self._send(topic("feedback", info.camera), feedback)

    def use_gallery(self, gallery: Gallery | None) -> None:
        """Publish all names of a gallery that is in use from now on."""
        self._gallery, self._next_part = gallery, 0
        for _ in range(self._parts()):
            self.publish_gallery()

    def publish_gallery(self) -> None:
        """Publish the version in use with the next part of its names."""
        names = self._gallery.people.names if self._gallery else ()
        part = self._next_part
        self._next_part = (part + 1) % self._parts()
        event = GalleryEvent(
            version=self._gallery.version if self._gallery else "",
            fingerprint=self._gallery.fingerprint if self._gallery else "",
            weights=self._weights,
            people=len(names),
            names=names[part * MAX_NAMES : (part + 1) * MAX_NAMES],
            part=part,
            parts=self._parts(),
        )
        self._send(GALLERY, event)

    def discard_subscriptions(self) -> None:
        """Read what subscribers say; an XPUB that is never read grows."""
        for _ in receive_all(self._socket):
            pass

    def _parts(self) -> int:
        count = len(self._gallery.people.names) if self._gallery else 0
        return max(1, -(-count // MAX_NAMES))

    def _send(self, to: bytes, message: object) -> None:
        self._socket.send_multipart([to, *encode(message)])
