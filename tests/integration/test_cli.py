"""The command line: one line for each mistake, and help for each command."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from streamer.files import open_to_others
from streamer.vision.files import read_image
from streamer.vision.images import encode_image
from tests.integration.forked import forking
from tests.integration.harness import LOOP, Pipeline, plain
from tests.integration.prompt import run_prompt
from workers.gallery.version import Gallery

CAMERA = '[cameras.door]\nsource = "demo"\n'


Prompt = Callable[..., "subprocess.CompletedProcess[str]"]


def environment(home: Path) -> dict[str, str]:
    env = {"PATH": "/usr/bin:/bin", "COLUMNS": "160", "HOME": str(home), "TERM": "dumb"}
    return env | {name: v for name, v in os.environ.items() if name.startswith("COVERAGE_")}


@pytest.fixture(scope="module")
def prompt() -> Iterator[Prompt]:
    """As `facestream`, without the second that a command takes to load."""
    with forking("tests.integration.prompt") as context:
        yield lambda *arguments, cwd, **more: run_prompt(
            context, arguments, cwd, environment(cwd) | more
        )


def facestream(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "streamer.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=environment(cwd),
    )


def test_help_has_a_line_for_every_command(folder: Path) -> None:
    done = facestream("--help", cwd=folder)
    assert done.returncode == 0
    lines = re.findall(r"^│ ([a-z-]+) +(\S.*?) *│$", done.stdout, re.MULTILINE)
    commands = {name for name, _ in lines}
    assert {
        "run", "check", "watch", "record", "snapshot", "keys", "capture", "dispatch",
        "embed", "identify", "enrol", "enrol-folder", "people", "forget", "rebuild",
        "identify-files", "embed-files", "compare", "cluster", "gallery", "weights", "train",
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
        (CAMERA + '[embed]\nweights = "config.toml"\n', ["check"], "not a weights file"),
        (CAMERA + '[embed]\nweights = "config.toml"\n', ["run"], "not a weights file"),
        ('data_dir = "/proc/x"\n' + CAMERA, ["run"], "data_dir: must be a folder"),
        ('data_dir = "/proc/x"\n' + CAMERA, ["rebuild"], "/proc/x/gallery: cannot be made"),
        ('data_dir = "/proc/x"\n' + CAMERA, ["capture", "door"], "/proc/x/demo: cannot be made"),
        ('data_dir = "config.toml"\n' + CAMERA, ["check"], "data_dir: must be a folder"),
        ('data_dir = "config.toml"\n' + CAMERA, ["run"], "data_dir: must be a folder"),
        ('data_dir = "a\\u0000"\n' + CAMERA, ["check"], "data_dir: must have no NUL"),
        (CAMERA + '[bus]\ncrops = "ipc:///nonexist/x"\n', ["check"], "folder of a socket must"),
        (CAMERA + '[bus]\ncrops = "ipc:///nonexist/x"\n', ["run"], "folder of a socket must"),
        (CAMERA + '[bus]\ncrops = "ipc:///nonexist/x"\n', ["dispatch"], "its folder must exist"),
        (CAMERA + '[bus]\ncrops = "ipc://../config.toml"\n', ["run"], "must name a socket"),
        (CAMERA, ["capture", "window"], "no camera 'window'. Cameras: door"),
        (CAMERA, ["enrol", "", "x.jpg"], "a name must have"),
        (CAMERA, ["enrol", "Ada", "x.jpg"], "Ada was not enrolled"),
        (CAMERA, ["forget", "Ada"], "'Ada' is not enrolled"),
        (CAMERA, ["rebuild"], "nobody is enrolled"),
        (CAMERA, ["snapshot", "out.gif"], "must end in one of"),
        (CAMERA, ["snapshot", "no/where/out.jpg"], "must exist"),
        (CAMERA, ["snapshot", "out.jpg", "--timeout", "0.5"], "no picture came"),
        (CAMERA, ["record", "out.mp4", "--camera", "x"], "no camera 'x'"),
        (CAMERA, ["keys", "k", "--worker", "../x"], "a name must be letters"),
        (CAMERA, ["keys", "k", "--capture", "authorised"], "the folder of keys uses itself"),
        (CAMERA, ["keys", "k", "--client", "shop"], "--capture NAME, --worker NAME"),
        (CAMERA, ["enrol-folder", "none"], "none: must be a folder"),
        (CAMERA, ["gallery", "rollback"], "nobody is enrolled"),
        (CAMERA, ["gallery", "activate", "7"], "no version '000007'"),
        (CAMERA, ["gallery", "export", "out.zip"], "nobody is enrolled"),
        (CAMERA, ["gallery", "import", "config.toml"], "no exported gallery"),
        (CAMERA, ["identify-files", "none.jpg"], "must be a picture, a clip"),
        (CAMERA, ["compare", "a.jpg", "b.jpg"], "a.jpg: cannot be read"),
        (CAMERA, ["embed-files", "none", "--out", "e.npz"], "none: a dataset must be a folder"),
        (CAMERA, ["embed-files", ".", "--out", "e.txt"], "--out must name a .npz"),
        (CAMERA, ["cluster", "none"], "none: a dataset must be a folder"),
        (CAMERA, ["train", "report"], "nobody is enrolled"),
        (CAMERA, ["train", "tune", "--grid", "config.toml"], "nobody is enrolled"),
        (CAMERA, ["train", "finetune", "--out", "x.npz", "--rule", "x"], "must be one of original"),
        (CAMERA, ["train", "dataset", "none", "--out", "d"], "none: must be a folder"),
        (CAMERA, ["train", "lfw", ".", "--pairs", "config.toml"], "config.toml:1: must be"),
        (CAMERA + '[web]\naddress = "localhost"\n', ["check"], "web.address: must be an IP"),
        (CAMERA + '[web]\naddress = "0.0.0.0"\n', ["run"], "facestream web token"),
        (CAMERA + '[web]\nhosts = ["a.example"]\n', ["web"], "facestream web token"),
        (CAMERA + '[web]\nhosts = ["a:1"]\n', ["check"], "web.hosts.0: must be the name of"),
        (CAMERA + '[web]\ncert = "c.pem"\n', ["check"], "web.cert and web.key: must both"),
        (CAMERA + '[identify]\nclassifier = "x"\n', ["check"], "identify.classifier: must be"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    folder: Path, prompt: Prompt, config: str | None, arguments: list[str], expected: str
) -> None:
    if config is not None:
        (folder / "config.toml").write_text(config)
    done = prompt(*arguments, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert all(
        line.startswith(("facestream: ", "refused: ")) for line in done.stderr.splitlines()
    ), done.stderr
    if arguments in (["check"], ["run"]):
        assert len(done.stderr.splitlines()) == done.stderr.count("facestream:") == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rec", ["record"]),
        ("gallery act", ["activate"]),
        ("people --", ["--help"]),
        ("snapshot out.jpg --camera ", ["door", "hall"]),
        ("capture h", ["hall"]),
        ("--config other.toml capture ", ["shop"]),
        ("forget ", ["Eileen\\ Collins", "Grace\\ Hopper"]),
        ("forget Grace\\ H", ["Grace\\ Hopper"]),
        ('forget "Grace H', ["Grace Hopper"]),
        ("merge Grace\\ Hopper E", ["Eileen\\ Collins"]),
        ("visits --person E", []),  # nobody was seen: there is no history
        ("--config none.toml forget ", []),
    ],
)
def test_tab_completes_commands_cameras_and_people(
    folder: Path, prompt: Prompt, gallery: Gallery, line: str, expected: list[str]
) -> None:
    hall = '[cameras.hall]\nsource = "demo"\n'
    (folder / "config.toml").write_text(CAMERA + hall)
    (folder / "other.toml").write_text(hall.replace("hall", "shop"))
    words = ["facestream", *re.split(r"(?<!\\) ", line)]
    if '"' in line:
        words = ["facestream", "forget", '"Grace H']
    asked = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = prompt(cwd=folder, _FACESTREAM_COMPLETE="complete_bash", **asked)
    assert done.stderr == ""
    assert done.stdout.split("\n") == [*(expected or [""]), ""]


def test_completion_is_shown_and_installed_for_bash(folder: Path) -> None:
    command = shlex.join([str(Path(sys.executable).parent / "facestream")])
    for option in ("--show-completion", "--install-completion"):
        done = subprocess.run(
            ["bash", "-c", f"{command} {option}; exit"],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env=environment(folder),
        )
        assert done.returncode == 0, done.stderr
    written = "".join(
        path.read_text() for path in folder.rglob("*") if path.is_file() and path.parent != folder
    )
    assert "complete -o default -F _facestream_completion facestream" in written


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


def test_a_night_of_the_trainer(folder: Path, prompt: Prompt, portraits: dict[str, Path]) -> None:
    """Two people with three photos each: enrolled, reported on, tuned, put back, carried over."""
    (folder / "config.toml").write_text(plain(CAMERA))
    for name, path in portraits.items():
        (folder / "people" / name).mkdir(parents=True)
        image = read_image(path)
        assert image is not None
        (folder / "people" / name / "a.png").write_bytes(path.read_bytes())
        mirrored = np.ascontiguousarray(image[:, ::-1])
        (folder / "people" / name / "b.png").write_bytes(encode_image(mirrored, ".png"))
        (folder / "people" / name / "c.jpg").write_bytes(encode_image(image // 2, ".jpg"))

    def good(*arguments: str) -> str:
        done = prompt(*arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "named rightly" in good("enrol-folder", "people")
    good("enrol", "Somebody", "people/Grace Hopper", "--force")
    assert "000002" in good("gallery", "list")
    assert "crops of Somebody" in good("gallery", "diff", "1", "2")
    assert "000001 is in use" in good("gallery", "rollback")
    good("gallery", "export", "out.zip")
    assert "000003" in good("gallery", "import", "out.zip")

    report = good("train", "report", "--only-used")
    page = folder / "var" / "reports" / "gallery-000001" / "report.html"
    assert str(page) in report
    assert page.is_file()
    (folder / "grid.toml").write_text('kind = ["knn"]\nneighbours = [1, 2]\n')
    tuned = good(
        "train", "tune", "--grid", "grid.toml", "--outer", "2", "--inner", "2", "--jobs", "1"
    )
    assert 'classifier = "knn"' in tuned
    few = prompt("train", "finetune", "--out", "f.npz", cwd=folder)
    assert few.returncode == 2
    assert "six people" in few.stderr.splitlines()[-1]

    named = good("identify-files", "people", "--out", "out")
    assert named.count("Eileen Collins ") == named.count("Grace Hopper ") == 3
    one = good("compare", "people/Grace Hopper/a.png", "people/Grace Hopper/b.png")
    two = good("compare", "people/Grace Hopper/a.png", "people/Eileen Collins/a.png")
    assert ("probably one" in one, "probably two" in two) == (True, True)
    assert "6 faces of 6 pictures" in good("embed-files", "people", "--out", "e.npz")
    assert "6 faces: 2 people, 0 alone" in good("cluster", "people", "--out", "groups")
    good("consent", "Grace Hopper", "--note", "signed")
    good("export", "Grace Hopper", "--out", "var/hers.zip")
    good("web", "token")
    good("keys", "var/keys", "--worker", "gpu")
    assert open_to_others(folder / "var") == [], "all this ran with umask 0"


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


def test_beside_a_running_pipeline_others_hear_of_it_and_no_second_one_runs(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    import json

    import streamer

    pipeline.start(LOOP.format(clip=clip))
    for event in streamer.subscribe(f"ipc://{pipeline.folder}/var/run/events"):
        assert event.event in ("enter", "update", "exit")
        if event.identity == "Eileen Collins":
            break
    done = pipeline.call("watch", "--json", "--count", "3")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(events) == 3
    assert {event["camera"] for event in events} == {"door"}
    second = pipeline.call("run")
    assert second.returncode == 2
    assert "running here already" in second.stderr
    before = len(pipeline.events)
    pipeline.wait("that the first goes on", lambda: len(pipeline.events) > before)
    assert pipeline.stop() == 0
