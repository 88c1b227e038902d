"""The race, with networks of our own making; test_embedder.py runs the real ones."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from workers.embedding import race as race_module
from workers.embedding.interface import EXACT, Candidate, EmbedFunction
from workers.embedding.race import RaceError, Result, race, run_race, sample_crops

HALF = Candidate("tensorflow", "bfloat16")
ONNX = Candidate("onnxruntime", "float32")
VINO = Candidate("openvino", "float32")


class Machine:
    """A clock that stands still but for what networks take, and the networks that ran."""

    def __init__(self, seconds: dict[Candidate, float]) -> None:
        self.seconds = seconds
        self.now = 0.0
        self.ran: list[Candidate] = []

    def clock(self) -> float:
        return self.now

    def build(self, candidate: Candidate) -> EmbedFunction:
        def embed(crops_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
            self.now += self.seconds[candidate]
            self.ran.append(candidate)
            return np.tile(np.eye(1, 128, dtype=np.float32), (len(crops_rgb), 1))

        return embed

    def race(self, seconds: float = 0.0) -> Result:
        return run_race(list(self.seconds), self.build, seconds, self.clock)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ({EXACT: 3.0}, EXACT),
        ({EXACT: 3.0, HALF: 2.0}, HALF),
        ({EXACT: 2.0, HALF: 3.0}, EXACT),
        ({EXACT: 2.0, HALF: 1.95}, EXACT),
        ({EXACT: 3.0, HALF: 2.0, ONNX: 1.0}, ONNX),
        ({EXACT: 3.0, HALF: 2.0, ONNX: 1.99}, ONNX),
    ],
)
def test_the_fastest_wins_and_bfloat16_by_a_twentieth_at_least(
    seconds: dict[Candidate, float], expected: Candidate
) -> None:
    result = Machine(seconds).race()
    assert result.fastest(list(seconds)) == expected
    assert result.seconds == pytest.approx({str(c): took for c, took in seconds.items()})
    assert result.left_out == {}


def test_who_is_far_slower_is_measured_once() -> None:
    machine = Machine({EXACT: 1.0, HALF: 20.0, ONNX: 1.5})
    machine.race(seconds=0.2)
    assert machine.ran.count(HALF) == 2  # the first is not counted
    assert machine.ran.count(ONNX) > 3


def test_a_race_of_one_is_short() -> None:
    machine = Machine({EXACT: 1.0})
    machine.race(seconds=60)
    assert len(machine.ran) < 5


def fails(crops_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    raise RuntimeError("no such kernel\nand more")


def differs(crops_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.tile(np.array([0.9, 0.436, *[0] * 126], np.float32), (len(crops_rgb), 1))


def nothing(crops_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.full((len(crops_rgb), 128), np.nan, np.float32)


@pytest.mark.parametrize(
    ("network", "why"),
    [
        (fails, "cannot be built: no such kernel"),
        (differs, "lowest cosine 0.9000"),
        (nothing, "lowest cosine nan"),
    ],
)
def test_who_fails_or_embeds_otherwise_is_left_out(network: EmbedFunction, why: str) -> None:
    machine = Machine({EXACT: 1.0, VINO: 0.1})

    def build(candidate: Candidate) -> EmbedFunction:
        return network if candidate == VINO else machine.build(candidate)

    result = run_race([EXACT, VINO], build, 0.0, machine.clock)
    assert result.fastest([EXACT, VINO]) == EXACT
    assert why in result.left_out[str(VINO)]
    assert "\n" not in result.left_out[str(VINO)]


def test_a_race_that_nobody_finishes_has_no_winner() -> None:
    assert Result().fastest([EXACT, VINO]) is None


def test_sample_crops_are_the_same_ones_and_show_swapped_colours(embedder: object) -> None:
    from workers.embedding.embedder import Embedder

    assert isinstance(embedder, Embedder)
    crops = sample_crops(8)
    assert crops.shape == (8, 96, 96, 3)
    assert crops.dtype == np.uint8
    assert np.array_equal(crops, sample_crops(8))
    right, swapped = embedder.embed(crops), embedder.embed(crops[..., ::-1].copy())
    assert float((right * swapped).sum(axis=1).min()) < 0.99


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("import os; os.abort()", "exit code -6: it said nothing"),
        ("raise SystemExit('no room')", "exit code 1: no room"),
        ("print('hello')", "no result: 'hello"),
        ("", "no result"),
        ("import time; time.sleep(600)", "timed out"),
    ],
)
def test_a_race_without_a_result(monkeypatch: pytest.MonkeyPatch, program: str, why: str) -> None:
    run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run

    def other(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        return run([sys.executable, "-c", program], **options)

    monkeypatch.setattr(subprocess, "run", other)
    if "sleep" in program:
        monkeypatch.setattr(race_module, "LIMIT_SECONDS", 0.5)
    with pytest.raises(RaceError, match=why):
        race(None, 1, [EXACT, HALF])


def test_a_race_ends_with_the_process_that_wants_to_know() -> None:
    start = (
        "import subprocess, sys\n"
        "from workers.embedding import race\n"
        "keep = subprocess.run\n"
        "def run(command, **options):\n"
        "    command = [sys.executable, '-c', 'import sys, threading, time; '\n"
        "        'from workers.embedding.race import _end_with; '\n"
        "        'threading.Thread(target=_end_with, args=(int(sys.argv[1]),)).start(); '\n"
        "        'print(time.sleep(600))', command[3]]\n"
        "    return keep(command, **options)\n"
        "subprocess.run = run\n"
        "race.race(None, 1, [])\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", start])
    try:
        until = time.monotonic() + 120
        while not (children := psutil.Process(parent.pid).children()):
            assert time.monotonic() < until
            assert parent.poll() is None
            time.sleep(0.05)
    finally:
        parent.kill()
        parent.wait()
    assert os.getpid() != children[0].pid
    _, alive = psutil.wait_procs(children, timeout=120)
    assert alive == []
