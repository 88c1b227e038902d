"""Candidates race for a second; what loses leaves no memory behind, nor what crashes a process.

The race is run in a process of its own, `python -m workers.embedding.race`, which prints the
result as JSON; `race` starts it. Its libraries end with it.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from streamer.constants import CROP_SIZE
from streamer.errors import FacestreamError
from workers.embedding.interface import EXACT, Candidate, EmbedFunction, Precision, Runtime

MEASURE_SECONDS = 1.0
LIMIT_SECONDS = 60.0
"""A race that takes longer, most of it to load the libraries, is given up."""

_BATCH = 8
_MIN_COSINE = 0.999
_FAR_SLOWER = 2.0
_GAIN = 1.05
_BLOBS = 12


class RaceError(FacestreamError):
    """The race ended without a result."""


@dataclass(frozen=True)
class Result:
    """`seconds` for a batch by candidate; `left_out`: why a candidate was not measured."""

    seconds: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def fastest(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """Return the winner, or None where all were left out.

        bfloat16 must be faster by a twentieth, as float32 is more exact.
        """

        def cost(candidate: Candidate) -> float:
            handicap = _GAIN if candidate.precision == "bfloat16" else 1.0
            return self.seconds[str(candidate)] * handicap

        ran = [each for each in candidates if str(each) in self.seconds]
        return min(ran, key=cost) if ran else None


def race(weights: Path | None, threads: int, candidates: Sequence[Candidate]) -> Result:
    """Run the race in a process of its own. Raises RaceError where it comes to no result."""
    command = [
        *(sys.executable, "-m", "workers.embedding.race"),
        *(str(os.getpid()), str(weights or ""), str(threads), *map(str, candidates)),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=LIMIT_SECONDS,
            start_new_session=True,  # Ctrl-C is for us
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RaceError(str(error)) from error
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise RaceError(f"exit code {done.returncode}: {last[0]}")
    try:
        found = json.loads(done.stdout.splitlines()[-1])
        return Result(dict(found["seconds"]), dict(found["left_out"]))
    except (ValueError, LookupError, TypeError) as error:
        raise RaceError(f"no result: {done.stdout[-200:]!r}") from error


def run_race(
    candidates: Sequence[Candidate],
    build: Callable[[Candidate], EmbedFunction],
    seconds: float = MEASURE_SECONDS,
    clock: Callable[[], float] = time.process_time,
) -> Result:
    """Build all, compare their embeddings with the exact ones, and measure them by turns.

    A batch is run once without counting, and then for at most so many seconds and two turns.
    Who is far slower than the fastest runs no second time. `clock` is the processor's time by
    default: what else the machine has to do does not count.
    """
    result = Result()
    crops = sample_crops(_BATCH)
    exact = build(EXACT)
    expected = exact(crops)
    running: dict[str, EmbedFunction] = {}
    for candidate in candidates:
        try:
            network = exact if candidate == EXACT else build(candidate)
            lowest = float((network(crops) * expected).sum(axis=1).min())
        except Exception as error:  # noqa: BLE001 - each library raises what it likes
            text = str(error).strip() or type(error).__name__
            result.left_out[str(candidate)] = f"it cannot be built: {text.splitlines()[0]}"
            continue
        if lowest >= _MIN_COSINE:
            running[str(candidate)] = network
        else:
            result.left_out[str(candidate)] = (
                f"its embeddings differ from those of {EXACT}: lowest cosine {lowest:.4f}"
            )
    until = time.monotonic() + seconds
    turns = 0
    while running and (turns < 2 or time.monotonic() < until):
        for name, network in running.items():
            began = clock()
            network(crops)
            took = clock() - began
            result.seconds[name] = min(result.seconds.get(name, took), took)
        limit = min(result.seconds.values()) * _FAR_SLOWER
        running = {name: each for name, each in running.items() if result.seconds[name] <= limit}
        turns += 1
        if len(running) == 1:
            break
    return result


def sample_crops(count: int) -> NDArray[np.uint8]:
    """Make pictures of coloured blobs: (count, 96, 96, 3) uint8, the same ones every time.

    To a network they are as unlike each other as faces are, so faults show in the embeddings.
    """
    rng = np.random.default_rng(0)
    ramp = np.linspace(-1, 1, CROP_SIZE)
    crops = np.full((count, CROP_SIZE, CROP_SIZE, 3), 128.0)
    for crop in crops:
        for _ in range(_BLOBS):
            x, y = rng.uniform(-1, 1, 2)
            width, colour = rng.uniform(0.05, 0.5), rng.normal(0, 80, 3)
            apart = (ramp[:, None] - y) ** 2 + (ramp - x) ** 2
            crop += np.exp(-apart / (2 * width**2))[..., None] * colour
    return crops.clip(0, 255).astype(np.uint8)


def candidate_of(text: str) -> Candidate | None:
    """Return the candidate of this name, or None if it is nobody's."""
    every = (Candidate(r, p) for r in get_args(Runtime) for p in get_args(Precision))
    return next((each for each in every if str(each) == text), None)


def _main(parent: str, weights: str, threads: str, *names: str) -> None:
    threading.Thread(target=_end_with, args=(int(parent),), daemon=True).start()
    from workers.embedding.runtimes import build, tensorflow_has_gpu
    from workers.network.weights_file import load_weights

    loaded = load_weights(Path(weights) if weights else None)
    # Its embeddings come late from a GPU, which the processor does not count.
    clock = time.perf_counter if tensorflow_has_gpu() else time.process_time
    result = run_race(
        [each for each in map(candidate_of, names) if each is not None],
        lambda each: build(loaded, int(threads), each.runtime, each.precision),
        clock=clock,
    )
    sys.stdout.write("\n" + json.dumps({"seconds": result.seconds, "left_out": result.left_out}))
    sys.stdout.flush()


def _end_with(parent: int) -> None:
    """End this process when the one that waits for the result is gone."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    _main(*sys.argv[1:])
