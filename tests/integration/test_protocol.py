"""docs/protocol.md, tried: the subscriber on that page, and every field that it names."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import msgpack
import pytest
import zmq

from streamer.vision.images import decode_image
from streamer.wire import messages
from tests.integration.harness import GENEROUS_S, Pipeline
from workers.gallery.version import Gallery

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
LOOP = '[cameras.door]\nsource = "{clip}"\nloop = true\n'


@pytest.mark.parametrize("name", ["IdentityEvent", "FrameEvent", "GalleryEvent", "Stats"])
def test_the_page_names_every_field_and_no_other(name: str) -> None:
    section = PAGE.split(f"### {name}")[1].split("\n#")[0]
    column = " ".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", column)) == {
        field.name for field in fields(getattr(messages, name))
    }


def test_the_pages_subscriber_hears_who_is_there(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    script = pipeline.folder / "subscriber.py"
    script.write_text(code)
    assert set(re.findall(r"^import (\w+)", code, re.MULTILINE)) == {"sys", "msgpack", "zmq"}
    address = f"ipc://{pipeline.folder}/var/run/events"
    with subprocess.Popen(
        [sys.executable, str(script), address], stdout=subprocess.PIPE, text=True
    ) as reader:
        try:
            pipeline.start(LOOP.format(clip=clip))
            assert reader.stdout is not None
            heard: set[str] = set()
            while len(heard) < 2:
                kind, *name, percent, camera = reader.stdout.readline().split()
                assert kind in ("enter", "update", "exit")
                assert percent.endswith("%")
                assert camera == "door"
                if not name[0].startswith("unknown"):
                    heard.add(" ".join(name))
            assert heard == {"Eileen Collins", "Grace Hopper"}
        finally:
            reader.terminate()
    assert pipeline.stop() == 0


def test_frames_gallery_and_stats_are_as_the_page_says(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.linger = 0
        socket.connect(f"ipc://{pipeline.folder}/var/run/events")
        for topic in ("frame/door", "gallery", "stats"):
            socket.subscribe(topic)
        pipeline.start(LOOP.format(clip=clip))
        heard: dict[str, dict[str, object]] = {}
        while len(heard) < 3:
            assert socket.poll(round(GENEROUS_S * 1000))
            channel, header, *rest = socket.recv_multipart()
            event = msgpack.unpackb(header)
            assert event["v"] == 1
            heard[event["type"]] = event
            assert len(rest) == (channel == b"frame/door")
            if rest:
                image = decode_image(rest[0])
                assert image is not None
                assert list(image.shape[1::-1]) == event["frame_wh"] == [1280, 720]
        assert set(heard["GalleryEvent"]["people"]) == {"Eileen Collins", "Grace Hopper"}  # type: ignore[call-overload]
        assert heard["GalleryEvent"]["weights"] == gallery.weights
    assert pipeline.stop() == 0


def test_pictures_are_encoded_only_while_somebody_wants_them(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    pipeline.start(LOOP.format(clip=clip))
    pipeline.wait("a name", pipeline.named)
    pictures = pipeline.stage("pictures")
    assert (pictures.received, pictures.forwarded) == (0, 0)
    done = pipeline.call("snapshot", "out.jpg")
    assert done.returncode == 0, done.stderr
    assert decode_image((pipeline.folder / "out.jpg").read_bytes()) is not None
    pipeline.wait("the count of pictures", lambda: pipeline.stage("pictures").forwarded > 0)
    done = pipeline.call("record", "out.mp4", "--seconds", "1.5", "--fps", "10")
    assert done.returncode == 0, done.stderr
    import cv2

    recorded = cv2.VideoCapture(str(pipeline.folder / "out.mp4"))
    assert recorded.get(cv2.CAP_PROP_FRAME_COUNT) == 15
    assert recorded.get(cv2.CAP_PROP_FRAME_WIDTH) == 1280
    recorded.release()

    def none_more() -> bool:
        before = pipeline.stage("pictures").received
        frames = pipeline.stage("frames").received
        pipeline.wait("more frames", lambda: pipeline.stage("frames").received > frames + 20)
        return pipeline.stage("pictures").received == before

    pipeline.wait("the end of encoding", none_more)
    assert pipeline.stop() == 0
    assert sorted(p.name for p in pipeline.folder.iterdir()) == [
        "config.toml", "out.jpg", "out.mp4", "output.txt", "var",
    ]  # fmt: skip


def test_a_slow_subscriber_harms_nobody_and_knows_what_it_missed(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    from streamer.client.subscriber import Subscriber

    with Subscriber(f"ipc://{pipeline.folder}/var/run/events", ["identity/", "frame/"]) as sleeper:
        sleeper.socket.rcvhwm = 1
        pipeline.start(LOOP.format(clip=clip) + "[capture]\ncertain_interval_ms = 0\n")
        pipeline.wait("many events", lambda: len(pipeline.events) > 100)
        numbers = [event.number for event in pipeline.events]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert sleeper.receive(10) is not None
    assert pipeline.stop() == 0
