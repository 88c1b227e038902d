"""Each role by itself, over tcp with CURVE, as on several hosts."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import zmq

from streamer.bus.curve import make_keys
from streamer.bus.sockets import Security, open_bus
from streamer.client.subscriber import Subscriber
from streamer.vision.images import decode_image
from streamer.wire.codec import encode
from streamer.wire.messages import FrameEvent, IdentityEvent, Stats, WorkerReady
from tests.integration.harness import Pipeline
from workers.gallery.version import Gallery

CONFIG = """
[cameras.door]
source = "{clip}"
loop = true
[bus]
crops = "tcp://127.0.0.1:{ports[0]}"
work = "tcp://127.0.0.1:{ports[1]}"
ingest = "tcp://127.0.0.1:{ports[2]}"
events = "tcp://127.0.0.1:{ports[3]}"
frames = "tcp://127.0.0.1:{ports[4]}"
pictures = "tcp://127.0.0.1:{ports[5]}"
keys = "{keys}"
"""
HOSTS = {"identify": ".", "dispatch": ".", "embed": "gpu", "view": ".", "capture door": "shop"}


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def test_roles_alone_over_tcp_name_people_for_who_has_a_key(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    ports = free_ports(6)
    home = pipeline.folder / "keys"
    made = pipeline.call(
        "keys", str(home), "--capture", "shop", "--worker", "gpu", "--subscriber", "page"
    )
    assert made.returncode == 0, made.stderr
    make_keys(pipeline.folder / "foreign", {})
    shutil.copy(home / "server.key", pipeline.folder / "foreign" / "server.key")
    commands = []
    for command, host in HOSTS.items():
        config = pipeline.folder / f"{command.split()[0]}.toml"
        config.write_text(CONFIG.format(clip=clip, ports=ports, keys=home / host))
        program = [sys.executable, "-m", "streamer.cli", "--config", str(config)]
        commands.append([*program, *command.split()])
    crops, work, ingest, events, frames, pictures = (f"tcp://127.0.0.1:{port}" for port in ports)
    topics = ("identity/", "stats")
    with (
        Subscriber(events, topics, keys=home / "page") as friend,
        Subscriber(pictures, ["frame/door"], keys=home / "page") as viewer,
        Subscriber(events, topics, keys=home / "gpu") as worker,
        Subscriber(events, topics, keys=pipeline.folder / "foreign") as stranger,
        Subscriber(events, topics, insecure=True) as plain,
        open_bus(Security(home / "page")) as page,
        open_bus(Security(home / "gpu")) as gpu,
        open_bus(Security(pipeline.folder / "foreign")) as foreign,
    ):
        hostile = [
            *(bus.connect(zmq.PUSH, crops) for bus in (page, gpu, foreign)),
            *(bus.connect(zmq.PUSH, ingest) for bus in (page, gpu, foreign)),
            *(bus.connect(zmq.PUSH, frames) for bus in (page, gpu, foreign)),
        ]
        for push in hostile:
            push.send(b"hostile")
        thief = page.connect(zmq.DEALER, work)
        thief.send_multipart(encode(WorkerReady("thief", 32, gallery.weights)))
        roles = [
            subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands
        ]
        heard: list[Stats] = []
        try:
            names: set[str] = set()
            while len(names) < 2 or len(heard) < 12:
                received = friend.receive(240)
                assert received is not None
                match received[0]:
                    case IdentityEvent() as event if event.identity:
                        names.add(event.identity)
                    case Stats() as stats:
                        heard.append(stats)
            picture = viewer.receive(240)
            assert picture is not None
            assert isinstance(picture[0], FrameEvent)
            assert decode_image(picture[1]) is not None
            assert not thief.poll(0)
            for excluded in (worker, stranger, plain):
                assert excluded.receive(0.2) is None
        finally:
            errors = []
            for process in reversed(roles):
                process.terminate()
                errors.append(process.communicate(timeout=60)[1])
        assert [process.returncode for process in roles] == [0] * 5, errors
        told = " ".join(errors)
        for whose in ("subscriber/page.key", "worker/gpu.key", "no file of authorised/"):
            assert whose in told
        rest = (received[0] for received in iter(lambda: friend.receive(0.5), None))
        heard += [event for event in rest if isinstance(event, Stats)]
        for role in ("dispatch", "identify"):
            (last,) = [stats for stats in heard if stats.role == role and stats.final]
            (messages,) = [stage for stage in last.stages if stage.stage == f"{role} messages"]
            assert messages.received > 0
            assert messages.dropped == {}


def test_malformed_messages_are_counted_and_end_nothing(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    pipeline.start(f'[cameras.door]\nsource = "{clip}"\nloop = true\n')
    pipeline.wait("a name", pipeline.named)
    run = pipeline.folder / "var" / "run"
    noise = [[b""], [b"\xc1" * 50], [b"\x80"], [b"x"] * 50, [b"\x81\xa1v\x02", b"y" * 100_000]]
    with open_bus() as bus:
        for name, kind in (("crops", zmq.PUSH), ("ingest", zmq.PUSH), ("work", zmq.DEALER)):
            hostile = bus.connect(kind, f"ipc://{run}/{name}")
            for parts in noise:
                hostile.send_multipart(parts)
        # A subscription is a message too, and it may be long and odd.
        odd = bus.connect(zmq.XSUB, f"ipc://{run}/events")
        for topic in (b"\x01" + b"x" * 10_000, b"\x01", b"", b"\x07noise"):
            odd.send(topic)

        def counted() -> bool:
            totals = pipeline.totals()
            return totals["dispatch messages"].dropped.get("malformed", 0) == 2 * len(
                noise
            ) and totals["identify messages"].dropped.get("malformed", 0) == len(noise)

        pipeline.wait("the count of them", counted)
    pipeline.events.clear()
    pipeline.wait("names all the same", lambda: len(pipeline.named()) == 2)
    assert pipeline.stop() == 0
    assert all(stage.unaccounted == 0 for stage in pipeline.totals().values())


def test_a_folder_of_pictures_of_any_size_is_a_camera_that_ends(
    pipeline: Pipeline, gallery: Gallery, portraits: dict[str, Path]
) -> None:
    import cv2

    photos = pipeline.folder / "photos"
    photos.mkdir()
    for number in range(8):
        image = cv2.imread(str(portraits["Grace Hopper" if number > 3 else "Eileen Collins"]))
        assert image is not None
        large = cv2.resize(image, (400 + 4 * number, 400 + 4 * number))
        cv2.imwrite(str(photos / f"{number}.png"), large)
    (photos / "broken.png").write_bytes(b"no picture")
    pipeline.start('[cameras.album]\nsource = "photos"\npace = "fast"\n')
    assert pipeline.wait_end() == 0
    assert pipeline.named() == {"Eileen Collins", "Grace Hopper"}
    assert pipeline.stage("frames").forwarded == 8 * 5
    story = [(e.event, e.identity) for e in pipeline.events if e.event != "update"]
    for name in ("Eileen Collins", "Grace Hopper"):
        assert story.count(("enter", name)) == story.count(("exit", name)) == 4
