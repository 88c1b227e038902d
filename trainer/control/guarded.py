"""Processes that look into what somebody sent: they may die of it, hang, or want all memory."""

import resource
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

from trainer.control.work import Work
from trainer.support.stopping import end_with_parent

_POLL_S = 0.1
_END_S = 5.0
_MAX_BYTES = 6 * 1024**3


def limit_memory() -> None:
    """Have this process end with its parent, and where it wants too much memory."""
    end_with_parent()
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_BYTES, _MAX_BYTES))


def wait_for(place: Path, process: BaseProcess, limit_s: float, work: Work) -> str:
    """Wait for the file that a process is to write; why there is none, or ""."""
    until = time.monotonic() + limit_s
    while not place.exists():
        work.check()
        process.join(_POLL_S)
        if process.exitcode is not None and not place.exists():
            return "cannot be read: it makes what reads it end"
        if time.monotonic() > until:
            return f"cannot be read: it takes longer than {limit_s:g} s"
    return ""


def end(process: BaseProcess) -> None:
    """End a process, whatever it does."""
    process.kill()
    process.join(_END_S)
