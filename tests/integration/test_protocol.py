"""docs/protocol.md, tried: the subscriber on that page, and every field that it names."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import msgpack
import pytest
import zmq

from streamer.client.subscriber import Subscriber
from streamer.vision.images import decode_image
from streamer.wire import control, messages
from tests.integration.harness import GENEROUS_S, LOOP, Pipeline
from workers.gallery.version import Gallery

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()


@pytest.mark.parametrize(
    "name",
    [
        "IdentityEvent",
        "PresenceEvent",
        "PresentTrack",
        "FrameEvent",
        "PlainFrameEvent",
        "FaceInPicture",
        "GalleryEvent",
        "CorrectionEvent",
        "ExpiryEvent",
        "PauseEvent",
        "Stats",
    ],
)
def test_the_page_names_every_field_and_no_other(name: str) -> None:
    section = PAGE.split(f"### {name}")[1].split("\n#")[0]
    column = " ".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", column)) == {
        field.name for field in fields(getattr(messages, name))
    }


@pytest.mark.parametrize("name", ["Job", "Refusal"])
def test_the_page_names_every_field_of_answers_to_changes(name: str) -> None:
    section = PAGE.split(f"### {name}")[1].split("\n#")[0]
    column = " ".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", column)) == {
        field.name for field in fields(getattr(control, name))
    }


def test_the_page_names_every_request_and_answer_with_its_fields() -> None:
    section = PAGE.split("## Changing people")[1].split("## In full")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE))
    common = {"id", "wait_ms", "person", "force", "accept_look_alikes"}
    for name, kind in {**control.REQUESTS, **control.ANSWERS}.items():
        if name in ("Job", "Refusal"):
            continue
        wanted = {field.name for field in fields(kind)} - common
        named = set(re.findall(r"`(\w+)`", rows[name]))
        assert wanted <= named, (name, wanted - named)
    nested = (
        control.JobRow,
        control.PersonRow,
        control.CropRow,
        control.CropCount,
        control.FoundFace,
        control.Match,
        control.VersionRow,
    )
    for kind in nested:
        assert {field.name for field in fields(kind)} <= set(re.findall(r"`(\w+)`", section))


def test_what_is_published_is_as_the_page_says_and_its_subscriber_hears_who_is_there(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    *_, code = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    script = pipeline.folder / "subscriber.py"
    script.write_text(code)
    assert set(re.findall(r"^import (\w+)", code, re.MULTILINE)) == {"sys", "msgpack", "zmq"}
    run = f"ipc://{pipeline.folder}/var/run"
    with (
        subprocess.Popen(
            [sys.executable, str(script), f"{run}/events"], stdout=subprocess.PIPE, text=True
        ) as reader,
        zmq.Context() as context,
        context.socket(zmq.SUB) as socket,
    ):
        socket.linger = 0
        for bus in ("events", "pictures"):
            socket.connect(f"{run}/{bus}")
        for topic in ("frame/door", "gallery", "stats"):
            socket.subscribe(topic)
        try:
            pipeline.start(LOOP.format(clip=clip))
            hear_frames_gallery_and_stats(socket, gallery)
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


def hear_frames_gallery_and_stats(socket: "zmq.Socket[bytes]", gallery: Gallery) -> None:
    heard: dict[str, dict[str, object]] = {}
    while len(heard) < 3:
        assert socket.poll(round(GENEROUS_S * 1000))
        channel, header, *rest = socket.recv_multipart()
        event = msgpack.unpackb(header)
        assert event["v"] == 2
        heard[event["type"]] = event
        assert len(rest) == (channel == b"frame/door")
        if rest:
            image = decode_image(rest[0])
            assert image is not None
            assert list(image.shape[1::-1]) == event["frame_wh"] == [1280, 720]
    assert set(heard["GalleryEvent"]["names"]) == {"Eileen Collins", "Grace Hopper"}  # type: ignore[call-overload]
    assert heard["GalleryEvent"]["weights"] == gallery.weights


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


def test_a_slow_viewer_costs_nobody_an_event(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    run = pipeline.folder / "var" / "run"
    with (
        Subscriber(f"ipc://{run}/pictures", ["frame/"], hwm=1) as viewer,
        Subscriber(f"ipc://{run}/events", ["identity/"], hwm=1) as sleeper,
    ):
        pipeline.start(LOOP.format(clip=clip) + "[capture]\ncertain_interval_ms = 0\n")
        pipeline.wait("many pictures", lambda: pipeline.stage("pictures").forwarded > 5)
        pipeline.wait("many events", lambda: len(pipeline.events) > 100)
        numbers = [event.number for event in pipeline.events]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert viewer.receive(GENEROUS_S) is not None
        assert sleeper.receive(GENEROUS_S) is not None
    assert pipeline.stop() == 0


def test_the_picture_of_another_camera_is_never_taken(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    """`door` is a prefix of `door2`, and ZeroMQ subscribes to prefixes."""
    pipeline.start(
        f'[cameras.door2]\nsource = "{clip}"\nloop = true\n[cameras.door]\nsource = "none.mp4"\n'
    )
    pipeline.wait("a name", pipeline.named)
    done = pipeline.call("snapshot", "out.jpg", "--camera", "door", "--timeout", "3")
    assert done.returncode == 2, done.stdout
    assert "no picture came" in done.stderr
    assert not (pipeline.folder / "out.jpg").exists()
    assert pipeline.stage("pictures").received == 0  # nobody asked for door2
    done = pipeline.call("snapshot", "out.jpg", "--camera", "door2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1] == "door2"
    assert pipeline.stop() == 0
