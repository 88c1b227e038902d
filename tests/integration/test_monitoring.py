"""What monitors see of a real pipeline: status, metrics and logs, well, stalled and ended."""

import json
import signal
from pathlib import Path
from typing import Any

from streamer.client.subscriber import Subscriber
from streamer.config.loading import load_config
from streamer.metrics.doors import Doors
from streamer.metrics.monitor import TOPICS
from tests.integration.harness import LOOP, Pipeline, leftovers
from workers.gallery.version import Gallery


def status(pipeline: Pipeline) -> tuple[int, dict[str, Any]]:
    done = pipeline.call("status", "--json")
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, found


def test_monitors_see_how_a_pipeline_is(pipeline: Pipeline, gallery: Gallery, clip: Path) -> None:
    pipeline.start(LOOP.format(clip=clip) + '[log]\nformat = "json"\n')
    pipeline.wait("a name", pipeline.named)
    view = pipeline.role("view")
    assert view is not None
    view.send_signal(signal.SIGKILL)
    pipeline.wait("its next run", lambda: pipeline.runs("view") == 2)
    code, told = status(pipeline)
    assert (code, told["state"], told["faults"]) == (0, "well", [])
    assert {each["process"]: each["restarts"] for each in told["processes"]}["view"] == 1
    assert told["latency_s"]["events"]["count"] > 0
    assert told["cameras"][0]["state"] == "running"
    assert told["enrolled"] == 2

    doors = Doors(load_config(pipeline.config))
    with Subscriber(f"ipc://{pipeline.folder}/var/run/events", TOPICS) as subscriber:
        while doors.ready()[0] != 200:
            received = subscriber.receive(30)
            assert received is not None
            doors.take(received[0])
    text = doors.metrics()[0].decode()
    assert 'facestream_restarts_total{process="view"} 1.0' in text
    assert 'facestream_process_state{process="dispatch",state="running"} 1.0' in text
    assert 'le="+Inf",process="capture-door",stage="frames"' in text

    stalled = pipeline.role("history")
    assert stalled is not None
    stalled.send_signal(signal.SIGSTOP)
    code, told = status(pipeline)
    stalled.send_signal(signal.SIGCONT)
    assert (code, told["faults"]) == (1, ["history: it does not report"])

    assert pipeline.stop() == 0
    assert leftovers(pipeline.folder) == []
    lines = [json.loads(line) for line in pipeline.output.read_text().splitlines()]
    assert {"time", "level", "process", "message"} == {key for line in lines for key in line}
    assert any("signal 9" in line["message"] and line["process"] == "view" for line in lines)
    assert "Grace Hopper" not in pipeline.output.read_text()
    done = pipeline.call("status")
    assert done.returncode == 2
    assert done.stdout.startswith("not running: ")
