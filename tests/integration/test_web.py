"""The page's server beside a real pipeline: pictures, an enrolment, and how little it matters."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import websockets.sync.client as ws

from streamer.vision.images import decode_image
from tests.integration.harness import GENEROUS_S, LOOP, Pipeline, leftovers
from tests.streamer.web.serving import OURS, free_port

MORE = """
[strangers]
keep = true
[web]
port = {port}
"""


def look(port: int, width: int) -> tuple[dict[str, Any], bytes]:
    """A picture with a face in it, from a connection of its own."""
    url = f"ws://127.0.0.1:{port}/ws/live"
    with ws.connect(url, open_timeout=GENEROUS_S, max_size=None, proxy=None) as socket:
        socket.send(json.dumps({"cameras": ["door"], "width": width}))
        until = time.monotonic() + GENEROUS_S
        while time.monotonic() < until:
            message = socket.recv(GENEROUS_S)
            assert isinstance(message, bytes)
            size = int.from_bytes(message[:4], "big")
            header: dict[str, Any] = json.loads(message[4 : 4 + size])
            if any(face["state"] != "undecided" for face in header["faces"]):
                return header, message[4 + size :]
            socket.send(json.dumps({"ack": header["seq"]}))
    raise AssertionError("no face was seen")


def test_a_face_on_the_page_is_enrolled_and_a_web_process_that_dies_concerns_nobody(
    pipeline: Pipeline, clip: Path
) -> None:
    port = free_port()
    pipeline.start(LOOP.format(clip=clip) + MORE.format(port=port))
    pipeline.wait("a stranger", lambda: any(event.stranger for event in pipeline.events))
    pipeline.wait("the web process", lambda: pipeline.runs("web") == 1)
    header, jpeg = look(port, 640)
    picture = decode_image(jpeg)
    assert picture is not None
    assert picture.shape == (360, 640, 3)
    assert (header["width"], header["height"], header["camera"]) == (640, 360, "door")

    base = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=base, timeout=GENEROUS_S, headers=OURS) as http:
        job: dict[str, Any] = {"state": "failed"}
        tries = 0
        while job["state"] in ("failed", "lost"):  # a face may leave while it is asked for
            face = next(each for each in look(port, 320)[0]["faces"] if each["stranger"])
            asked = {"camera": "door", "track": face["track"], "crops": 4, "seconds": 20}
            job = http.post("/api/people/Somebody/enrol-track", json=asked).json()
            while job["state"] in ("queued", "running"):
                where = f"/api/jobs/{job['job']}?seen={job['revision']}&wait_ms=1000"
                job = http.get(where).json()
            tries += 1
            assert tries < 6, job
        assert job["state"] == "done", job
        pipeline.wait("the name", lambda: "Somebody" in pipeline.named())
        with http.stream("GET", "/api/events?updates=1&person=Somebody") as stream:
            said = next(line for line in stream.iter_lines() if line.startswith("data: {"))
        assert json.loads(said[6:])["identity"] == "Somebody"

        process = pipeline.role("web")
        assert process is not None
        mapped = " ".join(each.path for each in process.memory_maps())
        assert "tensorflow" not in mapped
        assert "onnxruntime" not in mapped
        runs = {role: pipeline.runs(role) for role in ("capture", "identify", "view", "embed")}
        process.send_signal(signal.SIGKILL)
        seen = len(pipeline.events)
        pipeline.wait("more events", lambda: len(pipeline.events) > seen)
        pipeline.wait("its next run", lambda: pipeline.runs("web") == 2)
        look(port, 640)
        assert {role: pipeline.runs(role) for role in runs} == runs
    assert pipeline.stop() == 0
    assert leftovers(pipeline.folder) == []
