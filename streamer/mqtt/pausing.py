"""Commands to pause a camera, passed on to the control service in a thread: it may be slow."""

import logging
import threading

from streamer.bus.sockets import Security
from streamer.control.client import Control
from streamer.errors import FacestreamError
from streamer.runtime.drop_log import DropLog

log = logging.getLogger(__name__)

ANSWER_S = 5.0


class Pauser:
    """Of each camera the newest command waits. address: of the control service."""

    def __init__(self, address: str, security: Security) -> None:
        self._address = address
        self._security = security
        self._asked: dict[str, bool] = {}
        self._changed = threading.Condition()
        self._drops = DropLog(log, "a camera could not be paused or resumed")
        self._thread = threading.Thread(target=self._run, name="pauser", daemon=True)
        self._thread.start()

    def ask(self, camera: str, paused: bool) -> None:
        """Have a camera paused, or go on; return at once."""
        with self._changed:
            self._asked[camera] = paused
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._asked:
                    self._changed.wait()
                camera, paused = self._asked.popitem()
            try:
                with Control(self._address, self._security.keys, ANSWER_S) as control:
                    (control.pause if paused else control.resume)(camera)
            except FacestreamError as error:
                self._drops.tell(error)
