"""The mqtt process in a thread, before a real broker that stops answering, goes and comes."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq

from streamer.bus.sockets import open_bus
from streamer.config.sections import MqttConfig
from streamer.mqtt import broker as module
from streamer.mqtt.broker import BrokerSettings
from streamer.mqtt.outbox import MAX_EVENTS
from streamer.mqtt.process import Mqtt, MqttEndpoints
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.wire.codec import decode, encode
from streamer.wire.counters import StageCount
from streamer.wire.messages import Stats
from tests.mosquitto import Listener, mosquitto, needs_mosquitto
from tests.streamer.mqtt.heard import ALICE, camera_stats, event, gallery, presence

PATIENCE_MS = 120_000


class Pipeline:
    """Identify's sockets; `wait` reads the process's reports, which always add up."""

    def __init__(self, folder: Path) -> None:
        self._bus_of = open_bus()
        bus = self._bus_of.__enter__()
        self.at = MqttEndpoints(*(f"ipc://{folder}/{name}" for name in ("events", "in", "pics")))
        self._events = bus.bind(zmq.XPUB, self.at.events)
        self._ingest = bus.bind(zmq.PULL, self.at.ingest)

    def heard(self) -> None:
        for _ in range(5):
            assert self._events.poll(PATIENCE_MS)
            self._events.recv()

    def say(self, *messages: object) -> None:
        for message in messages:
            name = type(message).__name__
            topics = {"IdentityEvent": b"identity/door", "PresenceEvent": b"presence/door"}
            topic = topics.get(name, b"stats" if name == "Stats" else b"gallery")
            self._events.send_multipart([topic, *encode(message)])

    def wait(self, holds: Callable[[StageCount, Stats], bool]) -> None:
        until = time.monotonic() + PATIENCE_MS / 1000
        while self._ingest.poll(PATIENCE_MS) and time.monotonic() < until:
            self.say(gallery(ALICE), camera_stats("running"))
            report, _ = decode(self._ingest.recv_multipart())
            assert isinstance(report, Stats)
            assert [stage.unaccounted for stage in report.stages] == [0] * len(report.stages)
            if holds(report.stages[0], report):
                return
        pytest.fail("it never came")

    def close(self) -> None:
        self._bus_of.__exit__(None, None, None)


@needs_mosquitto
def test_a_broker_that_stops_answering_costs_old_events_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEEP_ALIVE_S", 2)
    monkeypatch.setattr(module, "CONNECT_S", 1.0)
    monkeypatch.setattr(module, "RETRY_MAX_S", 1.0)
    pipeline, stop = Pipeline(folder), Stop()

    def run(settings: BrokerSettings) -> None:
        config = MqttConfig(broker="127.0.0.1", faces="none")
        with open_bus(linger_ms=1000) as bus:
            service = Mqtt(config, ["door"], pipeline.at, settings, None)
            service.run(bus, stop, Heartbeat(None, stop))

    with mosquitto(folder) as broker:
        listener = Listener(broker.port)
        settings = BrokerSettings(
            host="127.0.0.1", port=broker.port, user="", password=None, tls=None, client_id="f"
        )
        thread = threading.Thread(target=run, args=(settings,))
        thread.start()
        try:
            pipeline.heard()
            pipeline.say(gallery(ALICE), event("enter", ALICE))
            listener.wait(lambda: listener.held.get("facestream/person/alice/present") == b"ON")
            listener.wait(lambda: "facestream/camera/door/event" in listener.held)

            broker.freeze(True)
            for number in range(MAX_EVENTS):
                pipeline.say(
                    event("enter", ALICE, f"t-{number}"), event("exit", ALICE, f"t-{number}")
                )
            pipeline.wait(lambda count, _: count.dropped.get("queue_full", 0) >= MAX_EVENTS // 2)
            pipeline.wait(lambda count, _: count.pending <= MAX_EVENTS + 50)
            pipeline.wait(lambda _, report: bool(report.fault))
            pipeline.say(event("exit", ALICE), presence())

            broker.freeze(False)
            pipeline.wait(lambda count, report: not report.fault and not count.pending)
            listener.wait(lambda: listener.held["facestream/camera/door/person"] == b"nobody")
            listener.wait(lambda: listener.held["facestream/available"] == b"online")
            assert not any(
                retained for topic, _, retained in listener.heard if topic.endswith("/event")
            )
        finally:
            stop.set()
            thread.join()
        listener.wait(lambda: listener.held["facestream/available"] == b"offline")
        listener.close()
    pipeline.close()
