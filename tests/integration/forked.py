"""Processes that start at once: forked from one that has loaded what they need."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext


@contextmanager
def forking(preload: str) -> Iterator[ForkServerContext]:
    """Start processes from a server that has imported a module; it ends with the block."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([preload])
    yield context
    # The server ends with its last user; without this it would outlive the tests.
    from multiprocessing import forkserver

    forkserver._forkserver._stop()  # type: ignore[attr-defined]
