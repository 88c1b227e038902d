"""docs/examples, tried: what each program prints of the same messages."""

import shutil
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path

import msgpack
import pytest
import zmq

from streamer.bus.sockets import open_bus
from streamer.wire.codec import encode
from streamer.wire.messages import IdentityEvent, PresenceEvent
from tests.integration.harness import GENEROUS_S
from tests.streamer.wire.test_messages import EVENT, PRESENT

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
HEADERS = "#include <zmq_addon.hpp>\n#include <nlohmann/json.hpp>\n"

GRACE = replace(EVENT, identity="Grace Hopper", stranger=None, track="e-1", visit="v-1")
STRANGER = replace(EVENT, track="e-2", visit="v-2")
AGAIN = replace(GRACE, track="e-3", joined="e-1")
ADA = replace(PRESENT, identity="Ada", track="e-4", visit="v-4")
STILL = replace(PRESENT, identity="Grace Hopper", track="e-3", visit="v-1")
HEARD: list[tuple[IdentityEvent | PresenceEvent, str]] = [
    (GRACE, "door: Grace Hopper comes"),
    (STRANGER, "door: unknown-1 comes"),
    (replace(STRANGER, event="update", identity="Zoë", stranger=None), "door: unknown-1 is Zoë"),
    (AGAIN, ""),
    (replace(GRACE, event="exit"), ""),
    (PresenceEvent(camera="door2", epoch="e", present=(ADA,)), "door2: Ada comes"),
    (PresenceEvent(camera="door", epoch="e", present=(STILL,)), "door: Zoë goes"),
    (replace(AGAIN, event="exit", joined=None), "door: Grace Hopper goes"),
]


@pytest.fixture(params=["python", "node", "cpp"])
def example(request: pytest.FixtureRequest, folder: Path) -> list[str]:
    """The command that runs one of them."""
    if request.param == "python":
        return [sys.executable, str(EXAMPLES / "python" / "who.py")]
    if request.param == "node":
        if shutil.which("node") is None or not (EXAMPLES / "node" / "node_modules").is_dir():
            pytest.skip("needs node, and: npm ci --ignore-scripts --prefix docs/examples/node")
        return ["node", str(EXAMPLES / "node" / "who.js")]
    if shutil.which("g++") is None or not _compiles_headers():
        pytest.skip("needs: apt install g++ cppzmq-dev nlohmann-json3-dev")
    source, program = EXAMPLES / "cpp" / "who.cpp", folder / "who"
    command = ["g++", "-std=c++17", "-Wall", "-Werror", "-o", str(program), str(source), "-lzmq"]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return [str(program)]


def test_it_prints_who_comes_and_goes(example: list[str], folder: Path) -> None:
    address = f"ipc://{folder}/events"
    with (
        open_bus() as bus,
        subprocess.Popen(
            [*example, address], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as program,
    ):
        publisher = bus.bind(zmq.XPUB, address)
        patience = threading.Timer(GENEROUS_S, program.kill)  # ends what is read below
        patience.start()
        try:
            asked: set[bytes] = set()
            while len(asked) < 2:
                assert publisher.poll(round(GENEROUS_S * 1000)), "it does not subscribe"
                asked.add(publisher.recv())
            assert asked == {b"\x01identity/", b"\x01presence/"}
            other = asdict(GRACE) | {"v": 3, "type": "IdentityEvent"}
            publisher.send_multipart([b"identity/door", msgpack.packb(other)])
            for message, line in HEARD:
                kind = "identity" if isinstance(message, IdentityEvent) else "presence"
                (header,) = encode(message)
                later = msgpack.unpackb(header) | {"of_a_later_version": [1.5, None]}
                topic = f"{kind}/{message.camera}".encode()
                publisher.send_multipart([topic, msgpack.packb(later)])
                if line:
                    assert program.stdout is not None
                    assert program.stdout.readline() == f"{line}\n"
        finally:
            patience.cancel()
            program.kill()
            assert program.stderr is not None
            assert program.stderr.read() == ""


def _compiles_headers() -> bool:
    command = ["g++", "-std=c++17", "-E", "-x", "c++", "-"]
    done = subprocess.run(command, input=HEADERS.encode(), capture_output=True, check=False)
    return done.returncode == 0
