"""The command line: one line for each mistake, and help for each command."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.harness import Pipeline

CAMERA = '[cameras.door]\nsource = "demo"\n'


def facestream(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "streamer.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "160", "HOME": str(cwd), "TERM": "dumb"},
    )


def test_help_has_a_line_for_every_command(folder: Path) -> None:
    done = facestream("--help", cwd=folder)
    assert done.returncode == 0
    lines = re.findall(r"^│ ([a-z-]+) +(\S.*?) *│$", done.stdout, re.MULTILINE)
    commands = {name for name, _ in lines}
    assert {
        "run", "check", "watch", "record", "snapshot", "keys", "capture", "dispatch",
        "embed", "identify", "enrol", "people", "forget",
    } <= commands  # fmt: skip
    assert all(text.endswith(".") for name, text in lines if not name.startswith("-"))


@pytest.mark.parametrize(
    ("config", "arguments", "expected"),
    [
        (None, ["check"], "config.toml: no such config file"),
        (CAMERA + "x = 1", ["check"], "cameras.door.x: unknown key"),
        (CAMERA + "x = 1", ["run"], "cameras.door.x: unknown key"),
        ('[cameras.door]\nsource = "none.mp4"\n', ["check"], "cameras.door.source: no such file"),
        (CAMERA + '[detect]\ncascade = "none.xml"\n', ["check"], "cascade must be a file"),
        (CAMERA + '[embed]\nweights = "none.npz"\n', ["check"], "embed.weights: no such file"),
        (CAMERA + '[embed]\nweights = "config.toml"\n', ["embed"], "not a weights file"),
        (CAMERA, ["capture", "window"], "no camera 'window'. Cameras: door"),
        (CAMERA, ["enrol", "", "x.jpg"], "a name must have"),
        (CAMERA, ["enrol", "Ada", "x.jpg"], "Ada was not enrolled"),
        (CAMERA, ["forget", "Ada"], "nobody is enrolled"),
        (CAMERA, ["rebuild"], "nobody is enrolled"),
        (CAMERA, ["snapshot", "out.gif"], "must end in one of"),
        (CAMERA, ["snapshot", "no/where/out.jpg"], "must exist"),
        (CAMERA, ["snapshot", "out.jpg", "--timeout", "0.5"], "no picture came"),
        (CAMERA, ["record", "out.mp4", "--camera", "x"], "no camera 'x'"),
        (CAMERA, ["keys", "k", "--client", "../x"], "a name must be letters"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    folder: Path, config: str | None, arguments: list[str], expected: str
) -> None:
    if config is not None:
        (folder / "config.toml").write_text(config)
    done = facestream(*arguments, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert all(
        line.startswith(("facestream: ", "refused: ")) for line in done.stderr.splitlines()
    ), done.stderr


def test_check_says_what_is_right_and_no_secret(folder: Path) -> None:
    (folder / "config.toml").write_text(
        '[cameras.door]\nsource = "rtsp://guard:s3cret@cam/x"\n[cameras.hall]\nsource = 0\n'
    )
    done = facestream("check", cwd=folder)
    assert done.returncode == 0
    assert "door: rtsp://***@cam/x" in done.stdout
    assert "s3cret" not in done.stdout + done.stderr


def test_nobody_is_enrolled_at_first(folder: Path) -> None:
    (folder / "config.toml").write_text(CAMERA)
    done = facestream("people", cwd=folder)
    assert done.returncode == 0
    assert "nobody is enrolled" in done.stdout


def test_the_demo_needs_nothing_and_names_who_it_enrolled(pipeline: Pipeline) -> None:
    pipeline.start(CAMERA)
    pipeline.wait("her name", lambda: "Eileen Collins" in pipeline.named())
    pipeline.wait("the stranger", lambda: any(e.stranger for e in pipeline.events))
    pipeline.wait("her exit", lambda: any(e.event == "exit" for e in pipeline.events))
    assert pipeline.named() == {"Eileen Collins"}
    assert pipeline.stop() == 0
    output = pipeline.output.read_text()
    assert "enrolling Eileen Collins" in output
    assert "Eileen Collins" in output
    assert "account" in output
    assert "\x1b[" not in output  # plain lines where there is no terminal


def test_watch_prints_events_as_json(pipeline: Pipeline) -> None:
    import json

    pipeline.start(CAMERA)
    pipeline.wait("an event", lambda: pipeline.events)
    done = pipeline.call("watch", "--json", "--count", "3")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(events) == 3
    assert {event["camera"] for event in events} == {"door"}
    assert pipeline.stop() == 0


def test_a_program_subscribes_with_typed_events(pipeline: Pipeline) -> None:
    import streamer

    pipeline.start(CAMERA)
    for event in streamer.subscribe(f"ipc://{pipeline.folder}/var/run/events"):
        assert event.event in ("enter", "update", "exit")
        if event.identity == "Eileen Collins":
            break
    assert pipeline.stop() == 0
