"""Numbers that never repeat, whatever is killed: a file says which are taken."""

import fcntl
import os
from pathlib import Path

from streamer.errors import FacestreamError
from streamer.files import private_folder, write_file

BLOCK = 1000


class IdSequence:
    """Whole numbers from 1, handed out once, over all runs that use one file.

    They are taken from the file a block at a time, so a run that is killed leaves a gap and no
    number twice. Raises FacestreamError where the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = self._end = self._taken = 0

    def begin_after(self, number: int) -> None:
        """Note a number that is taken, though the file may not say so: it may be a new one."""
        self._taken = max(self._taken, number)

    def take(self) -> int:
        """Return the next number."""
        self._next = max(self._next, self._taken + 1)
        if self._next >= self._end:
            self._next, self._end = self._reserve()
        self._next += 1
        return self._next - 1

    def _reserve(self) -> tuple[int, int]:
        try:
            private_folder(self._path.parent)
            descriptor = os.open(self._path.parent, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                first = max(self._first_free(), self._taken + 1)
                write_file(self._path, f"{first + BLOCK}\n".encode())
            finally:
                os.close(descriptor)
        except (OSError, ValueError) as error:
            raise FacestreamError(
                f"{self._path}: must hold the next free number. Delete it to begin anew: {error}"
            ) from error
        return first, first + BLOCK

    def _first_free(self) -> int:
        try:
            text = self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            return 1
        number = int(text)
        if number < 1:
            raise ValueError(f"received: {text[:40]!r}")
        return number
