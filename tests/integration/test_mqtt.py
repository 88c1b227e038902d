"""A real pipeline, a real broker: what Home Assistant would hear, whatever is killed meanwhile."""

import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path

from streamer.control import Control
from streamer.mqtt.naming import slug
from streamer.vision.images import decode_image
from tests.integration.harness import LOOP, Pipeline, leftovers
from tests.mosquitto import Listener, Mosquitto, mosquitto, needs_mosquitto
from workers.gallery.version import Gallery

COLLINS, HOPPER = "Eileen Collins", "Grace Hopper"
HOST = "homeassistant/device/facestream_host/config"
DOOR = "homeassistant/device/facestream_door/config"
CAMERA = "facestream/camera/door"


@contextlib.contextmanager
def listening(broker: Mosquitto) -> Iterator[Listener]:
    listener = Listener(broker.port)
    try:
        yield listener
    finally:
        listener.close()


def state_of(pipeline: Pipeline) -> str:
    """What the camera's process says in its last report."""
    reports = [s for (role, _, _), s in pipeline.stats.items() if role == "capture"]
    return reports[-1].camera_state.state if reports and reports[-1].camera_state else ""


def looks(pipeline: Pipeline) -> int:
    """How many events tell of a look at somebody."""
    return len([event for event in pipeline.events if event.event != "exit"])


@needs_mosquitto
def test_a_pipeline_tells_a_broker_who_is_there_through_kills_and_pauses(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    folder = pipeline.folder
    config = (
        f'{LOOP.format(clip=clip)}[mqtt]\nbroker = "127.0.0.1"\nport = {{port}}\nabsence_s = 1\n'
        f'user = "ann"\npassword_file = "secret"\n'
    )
    (folder / "secret").write_text("geheim\n")
    with mosquitto(folder) as broker:
        with listening(broker) as listener:
            held = listener.held

            def is_at(topic: str, payload: bytes) -> None:
                listener.wait(lambda: held.get(topic) == payload)

            pipeline.start(config.format(port=broker.port))
            is_at("facestream/available", b"online")
            is_at(f"{CAMERA}/available", b"online")
            listener.wait(lambda: HOST in held)
            assert json.loads(held[DOOR])["dev"]["via_device"] == "facestream_host"
            for name in (COLLINS, HOPPER):
                assert json.loads(held[HOST])["cmps"][slug(name)]["name"] == name
                is_at(f"facestream/person/{slug(name)}/present", b"ON")
            is_at(f"facestream/person/{slug(HOPPER)}/camera", b"door")
            listener.wait(lambda: f"{CAMERA}/event" in held)
            assert json.loads(held[f"{CAMERA}/event"])["event_type"] == "enter"
            listener.wait(lambda: held.get(f"{CAMERA}/face"))
            face = decode_image(held[f"{CAMERA}/face"])
            assert face is not None
            assert min(face.shape[:2]) > 30
            listener.wait(lambda: json.loads(held[f"{CAMERA}/attributes"])["face_of"])

            # Home Assistant begins anew: everything is said again.
            del held[HOST], held["facestream/available"]
            listener.say("homeassistant/status", b"online")
            is_at("facestream/available", b"online")
            assert HOST in held

            # Killed, its will says so; and it comes back.
            process = pipeline.role("mqtt")
            assert process is not None
            process.send_signal(signal.SIGKILL)
            is_at("facestream/available", b"offline")
            is_at("facestream/available", b"online")

            # Paused, the camera is closed, and nobody is seen; then it goes on.
            listener.say(f"{CAMERA}/pause/set", b"ON")
            is_at(f"{CAMERA}/pause", b"ON")
            is_at(f"{CAMERA}/person", b"nobody")
            is_at(f"facestream/person/{slug(HOPPER)}/present", b"OFF")
            assert held[f"{CAMERA}/available"] == b"online"
            pipeline.wait("its report", lambda: state_of(pipeline) == "paused")
            seen, frames = looks(pipeline), pipeline.stage("frames").received
            asked = pipeline.stage("requests").received
            listener.say(f"{CAMERA}/pause/set", b"ON")  # asked again, it stays so
            pipeline.wait("the request", lambda: pipeline.stage("requests").received > asked)
            assert (looks(pipeline), pipeline.stage("frames").received) == (seen, frames)
            listener.say(f"{CAMERA}/pause/set", b"OFF")
            is_at(f"{CAMERA}/pause", b"OFF")
            is_at(f"facestream/person/{slug(COLLINS)}/present", b"ON")
            assert not any(retain for topic, _, retain in listener.heard if "/event" in topic)

        # The broker is gone, and the pipeline does not care; then it is back, and knows nothing.
        broker.stop()
        seen = len(pipeline.events)
        pipeline.wait("more events", lambda: len(pipeline.events) > seen + 5)
        pipeline.wait(
            "its fault",
            lambda: any(role == "mqtt" and s.fault for (role, _, _), s in pipeline.stats.items()),
        )
        broker.start()
        with listening(broker) as listener:
            held = listener.held
            wanted = {HOST, DOOR, f"{CAMERA}/person", "facestream/available", "facestream/people"}
            listener.wait(lambda: wanted <= held.keys())
            listener.wait(lambda: held.get("facestream/available") == b"online")

            # Who is forgotten is nowhere any more.
            listener.wait(lambda: f"facestream/person/{slug(HOPPER)}/present" in held)
            with Control(f"ipc://{folder}/var/run/control", timeout_s=120) as control:
                control.forget(HOPPER)
            gone = [f"facestream/person/{slug(HOPPER)}/{what}" for what in ("present", "camera")]
            listener.wait(lambda: all(held[topic] == b"" for topic in gone))
            listener.wait(lambda: slug(HOPPER).encode() not in held[HOST])
            assert pipeline.stop() == 0
            listener.wait(lambda: held["facestream/available"] == b"offline")
        with listening(broker) as listener:
            held = listener.held
            listener.wait(lambda: held.get("facestream/available") == b"offline")
            listener.wait(lambda: f"facestream/person/{slug(COLLINS)}/present" in held)
            for topic, payload in held.items():
                for word in (HOPPER, slug(HOPPER)):
                    assert word not in topic
                    assert word.encode() not in payload
    assert leftovers(folder) == []
    assert "geheim" not in pipeline.output.read_text()
