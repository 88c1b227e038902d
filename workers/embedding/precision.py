"""Which precision is the faster one here: measured once for each processor, and remembered."""

import contextlib
import fcntl
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from streamer.constants import CROP_SIZE
from streamer.files import write_file
from workers.embedding.interface import EmbedFunction, Precision

MEASURE_SECONDS = 1.0

_CPU_FACTS = Path("/proc/cpuinfo")
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
_BATCH = 8
_GAIN = 1.05


@dataclass(frozen=True)
class Processor:
    """What the kernel says of the processor: its model, and whether it multiplies bfloat16."""

    model: str
    bfloat16: bool


def this_processor(facts: Path = _CPU_FACTS) -> Processor:
    """Read /proc/cpuinfo; an unknown processor is taken to have no bfloat16."""
    try:
        text = facts.read_text(encoding="ascii", errors="replace")
    except OSError:
        return Processor("unknown", False)
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        found.setdefault(key.strip(), value.strip())
    flags = set(found.get("flags", "").split())
    return Processor(found.get("model name", "unknown"), bool(flags & _BFLOAT16_FLAGS))


def measure_precision(
    networks: Mapping[Precision, EmbedFunction], seconds: float = MEASURE_SECONDS
) -> Precision:
    """Return the precision in which a batch takes less of the processor's time.

    They are run by turns, once without counting and then for at most so many seconds and one
    turn. bfloat16 must be faster by a twentieth; else float32, which is more exact, is chosen.
    """
    crops_rgb = np.zeros((_BATCH, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    for embed in networks.values():
        embed(crops_rgb)
    fastest = dict.fromkeys(networks, float("inf"))
    until = time.monotonic() + seconds
    while True:
        for precision, embed in networks.items():
            # The processor's time: what else the machine has to do does not count.
            began = time.process_time()
            embed(crops_rgb)
            fastest[precision] = min(fastest[precision], time.process_time() - began)
        if time.monotonic() >= until:
            break
    return "bfloat16" if fastest["bfloat16"] * _GAIN < fastest["float32"] else "float32"


def answer_key(processor: Processor, runtime: str, weights: str, threads: int) -> str:
    """Return what an answer holds for; another of any of these is measured anew."""
    try:
        release = version(runtime)
    except PackageNotFoundError:
        release = "unknown"
    return f"{processor.model} | {runtime} {release} | weights {weights} | {threads} threads"


@contextlib.contextmanager
def remembered(path: Path | None) -> Iterator[dict[str, str]]:
    """Open the answers of a JSON file, one process at a time; what the block adds is saved.

    Where nothing can be written, or the file is damaged, it is as if nothing was measured yet.
    """
    if path is None:
        yield {}
        return
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context(path.with_suffix(".lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        answers = _read(path)
        before = dict(answers)
        yield answers
        if answers != before:
            with contextlib.suppress(OSError):
                write_file(path, json.dumps(answers, indent=1).encode())


def _read(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
