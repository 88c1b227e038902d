"""Work that blocks, beside the loop: questions to the control service, and reading the history."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from starlette.exceptions import HTTPException

A = TypeVar("A")


class Threads:
    """Runs work in threads, at most so many at once, and lets so many wait.

    They are daemons, and nobody waits for them once `ending` is set: what still waits for an
    answer does not hold up the end of the process.
    """

    def __init__(self, at_once: int, waiting: int, ending: asyncio.Event) -> None:
        self._ending = ending
        self._places = asyncio.Semaphore(at_once)
        self._room = at_once + waiting
        self._busy = 0

    async def run(self, work: Callable[[], A]) -> A:
        """Return what the work returns. Raises HTTPException where too much waits already."""
        if self._busy >= self._room:
            raise HTTPException(503, "too much is asked at once; try again in a moment")
        self._busy += 1
        try:
            async with self._places:
                return await self._until_the_end(_in_thread(work))
        finally:
            self._busy -= 1

    async def _until_the_end(self, future: "asyncio.Future[A]") -> A:
        ending = asyncio.ensure_future(self._ending.wait())
        try:
            either: set[asyncio.Future[Any]] = {future, ending}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
        if not future.done():
            raise HTTPException(503, "the web process ends; try again in a moment")
        return future.result()


def _in_thread(work: Callable[[], A]) -> "asyncio.Future[A]":
    loop = asyncio.get_running_loop()
    future: asyncio.Future[A] = loop.create_future()
    # Whoever asked may be gone when it fails.
    future.add_done_callback(lambda done: None if done.cancelled() else done.exception())

    def settle(set_it: Callable[[], None]) -> None:
        if not future.done():
            set_it()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            found = error
            deliver = lambda: future.set_exception(found)  # noqa: E731
        else:
            deliver = lambda: future.set_result(result)  # noqa: E731
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, deliver)

    threading.Thread(target=run, name="web-work", daemon=True).start()
    return future
