"""A camera that goes away and comes back, from a real RTSP server."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from streamer.vision.images import encode_image, resize_image
from tests.integration.harness import Pipeline, leftovers
from tests.once import made_once
from workers.gallery.version import Gallery

PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("rtsp_server.py")
PROBE = (
    'import gi; gi.require_version("GstRtspServer", "1.0"); from gi.repository import GstRtspServer'
)
CONFIG = """
[cameras.door]
source = "rtsp://guard:s3cret@127.0.0.1:{port}/face"
[capture]
stall_timeout_s = 3.0
retry_min_s = 0.5
retry_max_s = 1.0
"""


def available() -> bool:
    try:
        return (
            subprocess.run([PYTHON, "-c", PROBE], capture_output=True, check=False).returncode == 0
        )
    except OSError:
        return False


pytestmark = pytest.mark.skipif(
    not available() and not os.environ.get("CI"),
    reason="needs Debian's gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-good, python3-gi",
)


class Camera:
    """The server's process; the same port at every start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [PYTHON, str(SERVER), str(self.folder), "640", "360", "15", str(self.port)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture(scope="session")
def frames(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Path:
    def make(home: Path) -> None:
        capture = cv2.VideoCapture(str(clip))
        count = 0
        while (read := capture.read())[0]:
            small = resize_image(read[1], 640, 360)  # type: ignore[arg-type]
            (home / f"{count:04d}.jpg").write_bytes(encode_image(small, quality=95))
            count += 1
        capture.release()

    return made_once(tmp_path_factory, "frames", make)


@pytest.fixture
def camera(frames: Path) -> Iterator[Camera]:
    running = Camera(frames)
    yield running
    running.stop()


def state(pipeline: Pipeline) -> str:
    states = [s.camera_state.state for s in pipeline.stats.values() if s.camera_state]
    return states[-1] if states else ""


def test_a_server_that_stops_and_starts_again(
    pipeline: Pipeline, gallery: Gallery, camera: Camera
) -> None:
    camera.start()
    pipeline.start(CONFIG.format(port=camera.port))
    pipeline.wait("both names", lambda: len(pipeline.named()) == 2)
    camera.stop()
    pipeline.wait("the report of it", lambda: state(pipeline) in ("retrying", "stalled"))
    pipeline.wait("everybody's exit", lambda: pipeline.events[-1].event == "exit")
    pipeline.events.clear()
    camera.start()
    pipeline.wait("both names again", lambda: len(pipeline.named()) == 2)
    pipeline.wait("the report of it", lambda: state(pipeline) == "running")
    assert pipeline.stop() == 0
    for stage in pipeline.totals().values():
        assert stage.unaccounted == 0, stage
    for secret in ("s3cret", "guard"):
        assert secret not in pipeline.output.read_text()
        assert secret not in repr(pipeline.stats)
    assert not [line for line in leftovers(pipeline.folder) if "rtsp_server" not in line]


def test_a_server_that_hangs_is_noticed_by_the_clock(
    pipeline: Pipeline, gallery: Gallery, camera: Camera
) -> None:
    import signal

    camera.start()
    assert camera.process is not None
    pipeline.start(CONFIG.format(port=camera.port))
    pipeline.wait("both names", lambda: len(pipeline.named()) == 2)
    camera.process.send_signal(signal.SIGSTOP)
    pipeline.wait("the report of it", lambda: state(pipeline) in ("retrying", "stalled", "opening"))
    camera.process.send_signal(signal.SIGCONT)
    pipeline.events.clear()
    pipeline.wait("names again", lambda: pipeline.named())
    assert pipeline.stop() == 0


def test_a_camera_that_is_not_there_is_tried_again_and_stops_cleanly(pipeline: Pipeline) -> None:
    pipeline.start(CONFIG.format(port=9))
    pipeline.wait("the report of it", lambda: state(pipeline) == "retrying")
    pipeline.wait(
        "a line on it", lambda: "rtsp://***@127.0.0.1:9/face" in pipeline.output.read_text()
    )
    assert pipeline.stop() == 0
    assert "s3cret" not in pipeline.output.read_text()
    assert leftovers(pipeline.folder) == []
