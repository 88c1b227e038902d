"""The webhooks process, killed and restarted, and a server that fails, hangs and comes back."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from streamer.history.recording import Rules
from streamer.history.writer import Writer
from streamer.webhooks.forgetting import forget, holds
from streamer.webhooks.store import WebhookStore
from streamer.wire.codec import decode, encode
from streamer.wire.messages import IdentityEvent, Stats
from tests.streamer.history.heard import BEGIN_NS, LIMITS, event, gallery
from tests.streamer.webhooks.receiver import Receiver, wait_for

CONFIG = """
[cameras.door]
source = "demo"
[[webhook]]
name = "a"
url = "{a}"
secret_env = "HOOK_SECRET"
retry_min_s = 0.1
retry_max_s = 0.2
timeout_s = 0.5
[[webhook]]
name = "b"
url = "{b}"
events = ["enter"]
body = '{{"text": {{{{ text | tojson }}}}}}'
retry_min_s = 0.1
"""


class Bus:
    """Identify's two sockets, and the process that is tried."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "var" / "run").mkdir(parents=True)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.events = self._context.socket(zmq.XPUB)
        self.ingest = self._context.socket(zmq.PULL)
        self.events.setsockopt(zmq.XPUB_VERBOSE, 1)
        for socket, name in ((self.events, "events"), (self.ingest, "ingest")):
            socket.linger = 0
            socket.bind(f"ipc://{folder}/var/run/{name}")
        self.process: subprocess.Popen[bytes] | None = None
        self.stats: Stats | None = None

    def start(self) -> None:
        """Start the process, and wait until it hears."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamer.cli", "-c", self.folder / "config.toml", "webhooks"],
            env={"HOOK_SECRET": "0123456789abcdef", "PATH": ""},
        )
        heard: set[bytes] = set()
        while len(heard) < 6:
            assert self.events.poll(60_000)
            heard |= {said for said in (self.events.recv(),) if said[:1] == b"\x01"}

    def say(self, *events: object) -> None:
        for each in events:
            topic = f"identity/{each.camera}" if isinstance(each, IdentityEvent) else "gallery"
            self.events.send_multipart([topic.encode(), *encode(each)])

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def account(self) -> dict[str, int]:
        """The newest account of deliveries, which must add up."""
        while self.ingest.poll(0 if self.stats else 60_000):
            message, _ = decode(self.ingest.recv_multipart())
            assert isinstance(message, Stats)
            self.stats = message
            assert all(stage.unaccounted == 0 for stage in message.stages), message.stages
        assert self.stats is not None
        (stage,) = (stage for stage in self.stats.stages if stage.stage == "deliveries")
        return {"forwarded": stage.forwarded, "pending": stage.pending, **stage.dropped}

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self._context.destroy(linger=0)


@pytest.fixture
def bus(folder: Path) -> Iterator[Bus]:
    with contextlib.closing(Bus(folder)) as made:
        yield made


def test_nothing_is_lost_and_nothing_is_doubled_without_its_id(bus: Bus, folder: Path) -> None:
    with Receiver(500) as a, Receiver() as b:
        (folder / "config.toml").write_text(CONFIG.format(a=a.url, b=b.url))
        queue = folder / "var" / "webhooks" / "queue.sqlite3"
        bus.start()
        first = [event("enter", track, f"Person {track}") for track in range(4)]
        bus.say(*first)
        wait_for(lambda: len(b.taken()) == 4)  # one that fails holds no other up
        wait_for(lambda: len({each.headers["webhook-id"] for each in a.requests}) == 4)
        assert [json.loads(each.body)["text"] for each in b.taken()] == [
            f"Person {track} enters at door" for track in range(4)
        ]
        assert json.loads(a.requests[0].body)["data"]["identity"] == "Person 0"
        assert a.requests[0].headers["webhook-signature"].startswith("v1,")

        a.status = 0  # it hangs, and the process is killed with a request on its way
        seen = len(a.requests)
        wait_for(lambda: len(a.requests) > seen)
        bus.kill()
        a.stop()

        # While nobody hears, the history does; and somebody who waits to be told is forgotten.
        missed = event("enter", 9, "Missed Meanwhile", at_s=time.time() - BEGIN_NS / 1e9)
        writer = Writer(folder / "var" / "history" / "history.sqlite3", Rules(), LIMITS)
        writer.hear(first[0])
        writer.hear(missed)
        writer.flush()
        writer.close()
        assert holds(queue, "Person 3")
        assert forget(queue, "Person 3", before_version=2) == 1
        assert not holds(queue, "Person 3")

        bus.start()
        bus.say(event("exit", 3, "Person 3"), gallery("000001", "Person 3"))
        wait_for(lambda: bus.account().get("forgotten") == 1)
        a.status = 200
        a.start()
        wait_for(lambda: bus.account()["pending"] == 0 and len(a.taken()) >= 4)
        taken = {each.headers["webhook-id"]: each for each in a.taken()}
        assert set(taken) == {f"{each.id}.a" for each in (*first[:3], missed)}
        wait_for(lambda: any(b"Missed" in each.body for each in b.taken()))
        for receiver in (a, b):  # what came twice has the same id and the same body
            bodies: dict[str, bytes] = {}
            for each in receiver.requests:
                assert bodies.setdefault(each.headers["webhook-id"], each.body) == each.body

        a.status = 404
        bus.say(event("enter", 20, "Person 0"))
        wait_for(lambda: bus.account().get("given_up") == 1)
        with WebhookStore(queue) as store:
            (dead,) = store.all()
            assert (dead.fault, dead.dead_ms is None) == ("answered 404", False)
            a.status = 200
            assert store.retry(None) == 1
        wait_for(lambda: dead.id in {each.headers["webhook-id"] for each in a.taken()})
        wait_for(lambda: bus.account()["pending"] == 0)
        assert bus.process is not None
        bus.process.send_signal(signal.SIGTERM)
        assert bus.process.wait(60) == 0
        assert bus.stats is not None
        assert bus.stats.latencies[0].total >= 4
