"""The first steps, and a port that is taken."""

import socket
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

from streamer.config.loading import load_config
from streamer.errors import ConfigError
from streamer.web.config_file import add_camera
from streamer.web.webcams import Webcam, webcams
from streamer.wire.counters import StageCount
from streamer.wire.epochs import new_epoch
from streamer.wire.messages import CameraState, Stats
from tests.streamer.history.heard import event
from tests.streamer.web.serving import Publisher, Served, served, web_config

TEXT = """# mine
[cameras.door]     # at the door
source = "demo"

[log]              # at the end
level = "error"
"""


@pytest.fixture
def path(folder: Path) -> Path:
    path = folder / "config.toml"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path


def test_a_camera_is_written_into_the_config_and_its_comments_stay(path: Path) -> None:
    add_camera(path, "yard", "rtsp://ann:secret@192.0.2.1/a")
    add_camera(path, "desk", 1)
    add_camera(path, "lap", "2")
    written = tomllib.loads(path.read_text())["cameras"]
    assert written["yard"] == {"source": "rtsp://ann:secret@192.0.2.1/a"}
    assert (written["desk"]["source"], written["lap"]["source"]) == (1, 2)
    assert [line for line in TEXT.splitlines() if line not in path.read_text().splitlines()] == []
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(load_config(path).cameras) == ["door", "yard", "desk", "lap"]


@pytest.mark.parametrize(
    ("name", "source", "says"),
    [
        ("door", "demo", "of no other camera"),
        ("lap", 0, "a webcam can be one camera's only"),
        ("a b", "demo", "a camera's name must be"),
        ("a", "/etc/passwd", "source: must be"),
        ("a", "file:///etc/passwd", "source: must be"),
        ("a", "clips", "source: must be"),
    ],
)
def test_what_is_not_right_is_not_written(
    path: Path, name: str, source: str | int, says: str
) -> None:
    add_camera(path, "desk", 0)
    before = path.read_text()
    with pytest.raises(ConfigError, match=says):
        add_camera(path, name, source)
    assert path.read_text() == before
    assert [each.name for each in path.parent.iterdir()] == ["config.toml"]


def test_webcams_are_listed_once_with_what_their_drivers_call_them(folder: Path) -> None:
    assert webcams(folder / "nothing") == []
    for device, name, index in (
        ("video2", "Logi\n", "0"),
        ("video3", "Logi", "1"),
        ("video0", "", ""),
    ):
        (folder / device).mkdir()
        (folder / device / "name").write_text(name)
        if index:
            (folder / device / "index").write_text(index)
    assert webcams(folder) == [Webcam(0, "video0"), Webcam(2, "Logi")]


def test_the_first_page_is_told_of_cameras_and_processes(web: Served) -> None:
    began, stage = new_epoch(), StageCount("frames", 90, 80, 4, {"late": 6})
    running = Stats(
        role="capture", name="door", epoch=began, sent_utc="t", stages=(stage,), cpu_s=1.0,
        rates={"frames": 24.5}, camera_state=CameraState("running", "1280x720"),
    )  # fmt: skip
    web.publisher.tell(b"stats", running)
    for _ in range(20):
        web.publisher.tell(b"identity/door", event("enter", 1, "Ada"))
    web.settle()
    health = web.http.get("/api/health").json()
    (process,) = [each for each in health["processes"] if each["role"] == "capture"]
    assert (process["name"], process["state"], process["restarts"]) == ("door", "running", 0)
    door, hall = health["cameras"]
    assert (door["fps"], door["drops"]) == (24.5, {"frames: late": 6})
    assert (door["latency_ms_p50"], hall["latency_ms_p95"]) == (1.0, None)
    assert health["account"]["frames"]["dropped"] == {"late": 6}
    setup = web.http.get("/api/setup").json()
    assert [each["state"] for each in setup["cameras"]] == ["running", "silent"]
    answer = web.http.post("/api/setup/camera", json={"name": "yard", "source": "demo"})
    assert answer.json() == {"restart_needed": True}
    answer = web.http.post("/api/setup/camera", json={"name": "yard", "source": "demo"})
    assert (answer.status_code, "no other camera" in answer.json()["error"]) == (409, True)


def test_a_port_that_is_taken_is_told_of_once_and_waited_for(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = web_config(folder)
    taken = socket.create_server(("127.0.0.1", config.web.port))

    def free(publisher: Publisher) -> None:
        with closing(taken):
            publisher.report(lambda said: "cannot listen" in said["fault"])

    with served(config, before=free) as web:
        assert web.http.get("/api/cameras").status_code == 200
        web.publisher.report(lambda said: said["fault"] == "")
    (line,) = [each for each in caplog.messages if "cannot listen" in each]
    assert f"127.0.0.1 port {config.web.port}: Address already in use" in line
