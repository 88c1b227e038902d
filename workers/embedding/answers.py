"""What was measured before: a file of answers, each under a key of all that it holds for."""

import contextlib
import fcntl
import json
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

from streamer.files import write_file
from workers.embedding.interface import Candidate
from workers.embedding.processor import Processor


def answer_key(
    processor: Processor, gpu: bool, candidates: Sequence[Candidate], weights: str, threads: int
) -> str:
    """Return what an answer holds for; another of any of these is measured anew.

    The candidates say which runtimes are installed, and their releases are part of the key.
    """
    model = f"{processor.model}, GPU" if gpu else processor.model
    runtimes = list(dict.fromkeys(each.runtime for each in candidates))
    ways = [
        " ".join(
            [runtime, release(runtime), *(c.precision for c in candidates if c.runtime == runtime)]
        )
        for runtime in runtimes
    ]
    return f"{model} | {', '.join(ways)} | weights {weights} | {threads} threads"


def release(package: str) -> str:
    """Return the release of a package, of whatever distribution it comes from."""
    try:
        return version(package)
    except PackageNotFoundError:
        pass
    names = sorted(set(packages_distributions().get(package, [])))
    return " ".join(f"{name} {version(name)}" for name in names) or "unknown"


@contextlib.contextmanager
def remembered(path: Path | None) -> Iterator[dict[str, Any]]:
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


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
