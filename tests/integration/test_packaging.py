"""What `pip install facestream` without extras gives: enough to subscribe, and no more."""

import re
import shutil
import subprocess
import sys
import venv
import zipfile
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path

import pytest
import zmq
from packaging.requirements import Requirement

from streamer.bus.sockets import open_bus
from streamer.wire.codec import encode
from streamer.wire.messages import IdentityEvent
from tests.integration.harness import GENEROUS_S
from tests.streamer.wire.test_messages import MESSAGES

ROOT = Path(__file__).parents[2]
SUBSCRIBER = """
import sys
import streamer
for event in streamer.subscribe(sys.argv[1]):
    print(event.event, event.identity or event.stranger, event.camera)
    break
for heavy in ("cv2", "numpy", "scipy", "sklearn", "tensorflow", "typer", "rich"):
    assert heavy not in sys.modules, heavy
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's wheel, built from a copy of the tree without asking a registry."""
    source = tmp_path_factory.mktemp("source")
    for name in ("streamer", "workers", "trainer"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "config.toml"):
        shutil.copy(ROOT / name, source)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(source), str(source))
    (built,) = source.glob("facestream-*.whl")
    return built


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and what the wheel requires, as installed here."""
    home = tmp_path_factory.mktemp("bare")
    venv.create(home, with_pip=False)
    (site,) = home.glob("lib/python3*/site-packages")
    for name in _closure(_requirements(wheel)):
        for file in distribution(name).files or []:
            if ".." not in file.parts:
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), site / file)
    _pip("--python", str(home / "bin" / "python"), "install", "--no-deps", "--no-index", str(wheel))
    return home


def test_the_wheel_requires_three_packages_and_holds_its_types_and_weights(wheel: Path) -> None:
    assert _requirements(wheel) == {"pyzmq", "msgpack", "pydantic"}
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"streamer/py.typed", "workers/py.typed", "trainer/py.typed"} <= names
    with zipfile.ZipFile(wheel) as archive:  # what `facestream init` writes
        written = archive.read("streamer/config/default.toml")
    assert written == (ROOT / "config.toml").read_bytes()
    assert {
        "workers/weights/nn4_small2.npz",
        "streamer/config/default.toml",
        "trainer/evaluation/report.html.j2",
        "trainer/replay/page.html.j2",
        "streamer/web/static/index.html",
        "trainer/benchmarks/truth/billhyland.json",
    } <= names


def test_a_program_subscribes_where_only_three_packages_are(bare: Path, folder: Path) -> None:
    event = next(message for message, _ in MESSAGES if isinstance(message, IdentityEvent))
    address = f"ipc://{folder}/events"
    with open_bus() as bus:
        publisher = bus.bind(zmq.XPUB, address)
        with subprocess.Popen(
            [bare / "bin" / "python", "-I", "-c", SUBSCRIBER, address],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
        ) as program:
            assert publisher.poll(round(GENEROUS_S * 1000)), program.communicate()[1]
            assert publisher.recv() == b"\x01identity/"
            publisher.send_multipart([f"identity/{event.camera}".encode(), *encode(event)])
            output, errors = program.communicate(timeout=GENEROUS_S)
    assert (program.returncode, errors) == (0, "")
    assert output == f"{event.event} {event.identity or event.stranger} {event.camera}\n"


@pytest.mark.parametrize("arguments", [[], ["run"], ["--help"], ["enrol", "Ada", "ada.jpg"]])
def test_the_command_says_what_to_install(bare: Path, folder: Path, arguments: list[str]) -> None:
    done = subprocess.run(
        [bare / "bin" / "facestream", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(
        r"facestream: \w+ is not installed\. Install it with: pip install 'facestream\[run\]'\n",
        done.stderr,
    )


def _pip(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _requirements(wheel: Path) -> set[str]:
    """Names of what a wheel requires without extras."""
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(path).decode())
    return _without_extras(metadata.get_all("Requires-Dist") or [])


def _without_extras(lines: list[str]) -> set[str]:
    wanted = (Requirement(line) for line in lines)
    return {one.name for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})}


def _closure(names: set[str]) -> set[str]:
    """The names, and all that these packages require in turn."""
    found: set[str] = set()
    while names:
        found |= names
        required = (distribution(name).requires or [] for name in names)
        names = set().union(*map(_without_extras, required)) - found
    return found
