"""A running pipeline is asked to change people: from a face before a camera, and by commands."""

import signal
from pathlib import Path

import psutil

from streamer.control import Control
from tests.integration.harness import LOOP, Pipeline, leftovers

COLLINS, HOPPER = "Eileen Collins", "Grace Hopper"


def test_a_face_before_a_camera_is_enrolled_by_the_workers_and_renamed(
    pipeline: Pipeline, clip: Path, portraits: dict[str, Path]
) -> None:
    pipeline.start(LOOP.format(clip=clip))

    def present() -> list[str]:
        gone = {event.track for event in pipeline.events if event.event == "exit"}
        return [e.track for e in pipeline.events if e.stranger and e.track not in gone]

    pipeline.wait("a stranger", present)
    with Control(f"ipc://{pipeline.folder}/var/run/control", timeout_s=120) as control:
        job = control.enrol_track(
            "Somebody", "door", present()[-1], crops=4, seconds=20, wait=False
        )
        # Killed meanwhile, it goes on with the crops that it has, or says what is lost.
        process = pipeline.role("control")
        assert process is not None
        mapped = " ".join(each.path for each in process.memory_maps())
        assert "tensorflow" not in mapped
        assert "onnxruntime" not in mapped
        process.send_signal(signal.SIGKILL)
        pipeline.wait("its next run", lambda: pipeline.runs("control") == 2)
        state = list(control.follow(job))[-1].state
        assert state in ("done", "lost")
        if state == "lost":
            pipeline.wait("a stranger", present)
            control.enrol_track("Somebody", "door", present()[-1], 4, 20.0)
        pipeline.wait("the name", lambda: "Somebody" in pipeline.named())
        done = pipeline.call("rename", "Somebody", "Zoë")
        assert done.returncode == 0, done.stderr
        assert "Somebody is Zoë from gallery" in done.stdout
        pipeline.wait("the new name", lambda: "Zoë" in pipeline.named())
        assert pipeline.corrections[-1].identity == "Zoë"
        done = pipeline.call("enrol", "Extra", str(portraits[HOPPER]), "--force")
        assert done.returncode == 0, done.stderr
        assert "Extra: 1 crops enrolled" in done.stdout
        assert pipeline.call("gallery", "rollback").returncode == 0
        assert [row.name for row in control.people()] == ["Zoë"]
        assert "EnrolPaths" in [row.kind for row in control.jobs()]
        process = pipeline.role("control")
        assert process is not None
        mapped = " ".join(each.path for each in psutil.Process(process.pid).memory_maps())
        assert "tensorflow" not in mapped
        assert "onnxruntime" not in mapped
        done = pipeline.call("forget", "Zoë")
        assert done.returncode == 0, done.stderr
    assert pipeline.stop() == 0
    assert leftovers(pipeline.folder) == []
