"""The mqtt process: an ordinary subscriber that tells a broker who is there.

Its loop hears the pipeline, keeps the book, and hands to the broker's connection what that has room
for. A broker that is slow, dead or hostile fills a queue with a limit, and nothing else.
"""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

import zmq

from streamer.bus.sockets import Bus, Socket, receive_all
from streamer.config.sections import MqttConfig
from streamer.errors import ProtocolError
from streamer.mqtt.broker import MAX_IN_FLIGHT, Broker, BrokerSettings, Connection
from streamer.mqtt.inbound import Began, Held, PauseAsked, Reading
from streamer.mqtt.naming import Topics
from streamer.mqtt.outbox import Outbox
from streamer.mqtt.pausing import Pauser
from streamer.mqtt.telling import Teller
from streamer.runtime.bell import Bell
from streamer.runtime.drop_log import DropLog
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.runtime.stats import StatsReporter
from streamer.wire.codec import decode
from streamer.wire.counters import StageCount, StageCounters
from streamer.wire.messages import MAX_TEXT, FrameEvent
from streamer.wire.topics import CORRECTION, GALLERY, STATS, topic

log = logging.getLogger(__name__)

EVENTS_HWM = 10_000
PICTURES_HWM = 64
BEGAN_EVERY_S = 5.0
LAST_WORDS_S = 0.3
_POLL_MS = 200


@dataclass(frozen=True)
class MqttEndpoints:
    """Addresses: events and ingest are identify's; pictures are view's."""

    events: str
    ingest: str
    pictures: str


class Mqtt:
    """`run()` owns the sockets. pauser: None where there is no control service to ask."""

    def __init__(
        self,
        config: MqttConfig,
        cameras: Iterable[str],
        endpoints: MqttEndpoints,
        broker: BrokerSettings,
        pauser: Pauser | None,
    ) -> None:
        cameras = tuple(cameras)
        topics = Topics(config.topic_prefix, config.discovery_prefix)
        self._endpoints = endpoints
        self._pauser = pauser
        self._outbox = Outbox()
        self._teller = Teller(
            config, topics, cameras, self._outbox, self._watch, pauses=pauser is not None
        )
        self._bell = Bell()
        reading = Reading(topics, cameras)
        self._broker = Broker(broker, topics.available, reading, self._bell.ring)
        self._connection: Connection | None = None
        self._began_s = -BEGAN_EVERY_S
        self._messages = StageCounters("mqtt messages")
        self._drops = DropLog(log)

    def run(self, bus: Bus, stop: Stop, heartbeat: Heartbeat) -> None:
        """Tell until `stop`, and then that nobody tells any more."""
        events = bus.connect(zmq.SUB, self._endpoints.events, EVENTS_HWM)
        for subscribed in (b"identity/", b"presence/", GALLERY, STATS, CORRECTION):
            events.subscribe(subscribed)
        self._pictures = bus.connect(zmq.SUB, self._endpoints.pictures, PICTURES_HWM)
        ingest = bus.connect(zmq.PUSH, self._endpoints.ingest)
        reporter = StatsReporter("mqtt", "mqtt", ingest)
        poller = zmq.Poller()
        for socket in (events, self._pictures, self._bell.fileno()):
            poller.register(socket, zmq.POLLIN)
        self._broker.start()
        heartbeat.ready()
        while not stop.is_set():
            poller.poll(_POLL_MS)
            self._bell.hush()
            self._hear(events)
            self._hear(self._pictures)
            self._teller.turn(time.monotonic())
            self._serve_broker()
            heartbeat.beat()
            reporter.fault = self._broker.fault[:MAX_TEXT]
            reporter.tick(self._stages)
        self._say_goodbye()
        reporter.send(self._stages(), final=True)

    def _hear(self, socket: Socket) -> None:
        for _, *parts in receive_all(socket):
            self._messages.receive()
            try:
                message, buffers = decode(parts)
            except ProtocolError as error:
                self._messages.drop("malformed")
                self._drops.tell(error)
                continue
            self._messages.forward()
            now_s = time.monotonic()
            if isinstance(message, FrameEvent):
                self._teller.see(message, bytes(buffers[0]) if buffers else b"", now_s)
            else:
                self._teller.hear(message, now_s)

    def _serve_broker(self) -> None:
        """Take what the broker says, and give it what it has room for."""
        connection = self._broker.connection()
        if connection is not self._connection:
            self._outbox.lost()
            self._connection = connection
            if connection is not None:
                self._teller.tell_all_again()
        if connection is None:
            return
        while connection.acknowledged:
            self._outbox.acknowledged(connection.acknowledged.popleft())
        while connection.received:
            self._obey(connection.received.popleft())
        while connection.described:
            self._teller.compare(connection.described.popitem()[1])
        while self._outbox.in_flight < MAX_IN_FLIGHT:
            message = self._outbox.next(time.monotonic())
            if message is None:
                break
            number = self._broker.publish(connection, message)
            if number is None:
                self._outbox.refused(message)
                break
            self._outbox.sent(number, message)

    def _obey(self, received: object) -> None:
        match received:
            case Began():
                if time.monotonic() - self._began_s >= BEGAN_EVERY_S:
                    self._began_s = time.monotonic()
                    self._teller.tell_all_again()
            case PauseAsked() if self._pauser is not None:
                self._pauser.ask(received.camera, received.paused)
            case Held():
                self._teller.sweep(received)

    def _watch(self, camera: str, wanted: bool) -> None:
        """Subscribe to a camera's pictures, or end it."""
        to = topic("frame", camera)
        if wanted:
            self._pictures.subscribe(to)
        else:
            self._pictures.unsubscribe(to)

    def _say_goodbye(self) -> None:
        """Tell that everything is unavailable; where that takes too long, the will tells it."""
        self._teller.leave()
        until = time.monotonic() + LAST_WORDS_S
        self._serve_broker()
        while self._connection and not self._outbox.idle and time.monotonic() < until:
            time.sleep(0.01)
            self._serve_broker()
        self._broker.stop(politely=self._outbox.idle)

    def _stages(self) -> tuple[StageCount, ...]:
        return (self._outbox.snapshot(), self._messages.snapshot())
