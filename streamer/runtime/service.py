"""What every process of the pipeline does around its own `run()`."""

import logging
import os
from typing import Protocol

from streamer.bus.sockets import Bus
from streamer.config.sections import Config
from streamer.errors import ConfigError
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.runtime.logs import set_up_logging
from streamer.wire.shared_frames import SharedFrames

FINAL_LINGER_MS = 500

log = logging.getLogger(__name__)


class Service(Protocol):
    """A process's work: it makes its sockets, serves, and returns once `stop` is set."""

    def run(self, bus: Bus, stop: Stop, heartbeat: Heartbeat) -> None: ...


def start_service(config: Config, name: str) -> Stop:
    """Set up logging and signals; call it first, so that a stop during start-up is heard."""
    set_up_logging(config.log.level, name, config.log.format == "json")
    return Stop().install()


def run_service(service: Service, config: Config, stop: Stop, heartbeat: int | None) -> None:
    """Run until done, then close the sockets; the last messages get a moment to leave."""
    line = Heartbeat(heartbeat, stop)
    bus = Bus(config.security, config.data_path)
    try:
        if not stop.is_set():
            service.run(bus, stop, line)
    finally:
        bus.close(FINAL_LINGER_MS)


def inherit_shared_frames(given: list[str]) -> dict[str, SharedFrames]:
    """Open shared frames from options of the form CAMERA=DESCRIPTOR."""
    shared_frames = {}
    for text in given:
        camera, _, descriptor = text.partition("=")
        try:
            os.fstat(int(descriptor))
            shared_frames[camera] = SharedFrames(int(descriptor))
        except (ValueError, OSError) as error:
            raise ConfigError(f"--frames is for the supervisor's use: {error}") from error
    return shared_frames
