"""A running pipeline is asked to change people: from a face before a camera, and by commands."""

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from streamer.control import Control, ControlError, Job
from streamer.files import open_to_others
from streamer.vision.images import decode_image
from tests.integration.harness import LOOP, Pipeline, leftovers

COLLINS, HOPPER = "Eileen Collins", "Grace Hopper"


def test_a_face_before_a_camera_is_enrolled_by_the_workers_and_renamed(
    pipeline: Pipeline, clip: Path, portraits: dict[str, Path]
) -> None:
    pipeline.start(LOOP.format(clip=clip))

    def present() -> list[str]:
        """Strangers who were seen a moment ago; what was said before is long over."""
        now = datetime.now(UTC)
        return [
            event.track
            for event in pipeline.events[-20:]
            if event.stranger
            and event.event != "exit"
            and now - datetime.fromisoformat(event.captured_utc) < timedelta(seconds=2)
        ]

    def look(control: Control, wait: bool = True) -> Job:
        pipeline.wait("a stranger", present)
        return control.enrol_track("Somebody", "door", present()[-1], 4, 20.0, wait=wait)

    with Control(f"ipc://{pipeline.folder}/var/run/control", timeout_s=120) as control:
        job = look(control, wait=False)
        # Killed meanwhile, it goes on with the crops that it has, or says what is lost.
        process = pipeline.role("control")
        assert process is not None
        process.send_signal(signal.SIGKILL)
        pipeline.wait("its next run", lambda: pipeline.runs("control") == 2)
        over = list(control.follow(job))[-1]
        state, faults = over.state, [over.fault]
        while state != "done":  # a face may leave while it is asked for
            try:
                state = look(control).state
            except ControlError as error:
                faults.append(str(error))
            assert len(faults) < 6, faults
        pipeline.wait("the name", lambda: "Somebody" in pipeline.named())
        done = pipeline.call("rename", "Somebody", "Zoë")
        assert done.returncode == 0, done.stderr
        assert "Somebody is Zoë from gallery" in done.stdout
        pipeline.wait("the new name", lambda: "Zoë" in pipeline.named())
        pipeline.wait("the correction", lambda: pipeline.corrections)
        assert pipeline.corrections[-1].identity == "Zoë"
        done = pipeline.call("enrol", "Extra", str(portraits[HOPPER]), "--force")
        assert done.returncode == 0, done.stderr
        assert "Extra: 1 crops enrolled" in done.stdout
        assert pipeline.call("gallery", "rollback").returncode == 0
        assert [row.name for row in control.people()] == ["Zoë"]
        assert "EnrolPaths" in [row.kind for row in control.jobs()]
        done = pipeline.call("rebuild")
        assert done.returncode == 0, done.stderr
        (face,) = control.search(portraits[HOPPER])  # embedded by the workers
        assert "Zoë" in [match.who for match in face.matches]
        (row, *_) = control.crops("Zoë")
        assert decode_image(control.crop_picture("Zoë", row.crop)) is not None
        process = pipeline.role("control")
        assert process is not None
        mapped = " ".join(each.path for each in process.memory_maps())
        assert "tensorflow" not in mapped
        assert "onnxruntime" not in mapped
        done = pipeline.call("backup", "b.zip")
        assert done.returncode == 0, done.stderr
        done = pipeline.call("restore", "b.zip")
        assert done.returncode == 2
        assert "a pipeline is running here; stop it" in done.stderr
        done = pipeline.call("forget", "Zoë")
        assert done.returncode == 0, done.stderr
        assert open_to_others(pipeline.folder / "var") == [], "jobs, too; it ran with umask 0"
    assert pipeline.stop() == 0
    assert leftovers(pipeline.folder) == []
    assert "Zoë" not in pipeline.call("people").stdout
    done = pipeline.call("restore", "b.zip")
    assert done.returncode == 0, done.stderr
    assert "forget them again" in done.stdout
    assert "Zoë" in pipeline.call("people").stdout
