"""The control service of a config, where one runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from streamer.bus.sockets import is_tcp
from streamer.config.sections import Config
from streamer.control.client import Control

_LISTENS_S = 5.0


@contextmanager
def running_control(config: Config) -> Iterator[Control | None]:
    """Yield a connection to a config's control service; None where none runs."""
    file = config.socket_files.get("control")
    if not config.control.enabled or (file is not None and not file.is_socket()):
        yield None
        return
    address = config.address("control")
    keys = config.security.keys if is_tcp(address) else None
    with Control(address, keys) as control:
        yield control if control.reachable(_LISTENS_S) else None
