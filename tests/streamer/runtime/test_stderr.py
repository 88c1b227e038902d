"""What is held back is dropped if all goes well, and shown however else the block ends."""

import subprocess
import sys

import pytest

BLOCK = """
import os, signal, sys
from streamer.runtime.stderr import quiet_stderr

os.write(2, b"before\\n")
with quiet_stderr():
    os.write(2, b"the processor lacks AVX\\n" * {lines})
    {end}
os.write(2, b"after\\n")
"""
HELD = "the processor lacks AVX\n"


def run(end: str, lines: int = 1) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", BLOCK.format(end=end, lines=lines)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.parametrize("lines", [1, 20_000])
def test_a_block_that_ends_well_is_quiet(lines: int) -> None:
    done = run("pass", lines)
    assert (done.returncode, done.stderr) == (0, "before\nafter\n")


def test_a_block_that_raises_is_shown() -> None:
    done = run("raise ValueError('no')")
    assert done.returncode == 1
    assert done.stderr.startswith("before\n" + HELD)
    assert "ValueError: no" in done.stderr
    assert "after" not in done.stderr


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("os.abort()", -6),
        ("os.kill(os.getpid(), signal.SIGILL)", -4),
        ("os.kill(os.getpid(), signal.SIGKILL)", -9),
        ("os._exit(3)", 3),
    ],
)
def test_a_block_that_ends_the_process_is_shown(end: str, code: int) -> None:
    done = run(end)
    assert (done.returncode, done.stderr) == (code, "before\n" + HELD)
