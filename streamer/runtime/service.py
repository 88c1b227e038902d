"""What every process of the pipeline does around its own `run()`."""

import logging
import os
from typing import Protocol

from streamer.config.sections import Config
from streamer.errors import ConfigError
from streamer.runtime.heartbeat import Lifeline, Stop
from streamer.runtime.logs import set_up_logging
from streamer.wire.shared_frames import FrameRing
from streamer.wire.sockets import Bus

FINAL_LINGER_MS = 500

log = logging.getLogger(__name__)


class Role(Protocol):
    """A process's work: it makes its sockets, serves, and returns once `stop` is set."""

    def run(self, bus: Bus, stop: Stop, lifeline: Lifeline) -> None: ...


def start_role(config: Config, name: str) -> Stop:
    """Logging and signals; call it first, so that a stop during start-up is heard."""
    set_up_logging(config.log.level, name)
    return Stop().install()


def run_role(role: Role, config: Config, stop: Stop, lifeline: int | None) -> None:
    """Run until done, then close the sockets; the last messages get a moment to leave."""
    line = Lifeline(lifeline, stop)
    bus = Bus(config.security)
    try:
        if not stop.is_set():
            role.run(bus, stop, line)
    finally:
        bus.close(FINAL_LINGER_MS)


def inherit_rings(given: list[str]) -> dict[str, FrameRing]:
    """Frame rings from options of the form CAMERA=DESCRIPTOR, as the supervisor gives them."""
    rings = {}
    for text in given:
        camera, _, descriptor = text.partition("=")
        try:
            os.fstat(int(descriptor))
            rings[camera] = FrameRing(int(descriptor))
        except (ValueError, OSError) as error:
            raise ConfigError(f"--ring is for the supervisor's use: {error}") from error
    return rings
