"""A bell that any thread may ring, for the loop that polls it beside its sockets."""

import os


class Bell:
    """An event descriptor. It is readable from a `ring` until the next `hush`."""

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Return what to poll for reading."""
        return self._descriptor

    def ring(self) -> None:
        """Wake the loop, from any thread."""
        os.eventfd_write(self._descriptor, 1)

    def hush(self) -> None:
        """Be silent again, however often it rang."""
        try:
            os.eventfd_read(self._descriptor)
        except BlockingIOError:
            return
