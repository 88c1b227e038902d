"""Questions and changes of people, asked of the control service; and the history, read."""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import TypeVar

from starlette.exceptions import HTTPException

from streamer.config.sections import Config
from streamer.control.client import Control
from streamer.control.running import running_control
from streamer.errors import ControlError, HistoryError
from streamer.history.database import history
from streamer.web.threads import Threads

A = TypeVar("A")
_STATUS = {"unknown": 404, "busy": 503, "silent": 503, "malformed": 422}
_AT_ONCE, _WAITING = 16, 64
_READERS, _READERS_WAITING = 4, 64


class Asking:
    """Asks in threads of their own, each with a connection of its own."""

    def __init__(self, config: Config, ending: asyncio.Event) -> None:
        self._config = config
        self._threads = Threads(_AT_ONCE, _WAITING, ending)
        self._readers = Threads(_READERS, _READERS_WAITING, ending)

    async def control(self, call: Callable[[Control], A]) -> A:
        """Return what a call of the control service returns. Raises HTTPException."""

        def ask() -> A:
            with running_control(self._config) as control:
                if control is None:
                    raise HTTPException(
                        503, "nobody changes people here: control.enabled, or the process, is off"
                    )
                return call(control)

        try:
            return await self._threads.run(ask)
        except ControlError as error:
            raise HTTPException(_STATUS.get(error.code, 409), str(error)) from error

    async def run(self, work: Callable[[], A]) -> A:
        """Return what some work with files returns."""
        return await self._readers.run(work)

    async def history(self, read: Callable[[sqlite3.Connection], A]) -> A | None:
        """Return what is read in the history; None where there is none. Raises HTTPException.

        The connection cannot write.
        """
        path = self._config.history_path

        def ask() -> A | None:
            if not path.is_file():
                return None
            with history(path) as connection:
                connection.execute("PRAGMA query_only = ON")
                return read(connection)

        try:
            return await self._readers.run(ask)
        except HistoryError as error:
            raise HTTPException(503, str(error)) from error
