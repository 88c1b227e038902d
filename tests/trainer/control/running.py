"""A control service in a thread, on a real socket, over a data folder of real people."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamer.bus.sockets import Bus
from streamer.config.loading import load_config
from streamer.config.sections import Config
from streamer.control import Control
from streamer.runtime.heartbeat import Heartbeat, Stop
from trainer.control.desk import Desk, MakeEmbedder
from trainer.control.process import ControlService
from workers.embedding.embedder import Embedder

PATIENCE_S = 120.0
CONFIG = """
[cameras.door]
source = "demo"
[embed]
runtime = "onnxruntime"
precision = "float32"
[strangers]
keep = true
[history]
snapshots = true
"""


def config_in(folder: Path, text: str = CONFIG) -> Config:
    path = folder / "config.toml"
    path.write_text(text)
    return load_config(path)


def with_this(embedder: Embedder) -> MakeEmbedder:
    return lambda config, work: embedder


@contextmanager
def serving(config: Config, make_embedder: MakeEmbedder, live: bool = False) -> Iterator[Control]:
    """Serve while the block runs; a client of it. live: a dispatch runs, too."""
    stop, ready = Stop(), threading.Event()

    class Line(Heartbeat):
        def ready(self) -> None:
            ready.set()

    bus = Bus(config.security, config.data_path)
    service = ControlService(config, Desk(config, make_embedder, live))

    def run() -> None:
        try:
            service.run(bus, stop, Line(None, stop))
        finally:
            bus.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        assert ready.wait(PATIENCE_S)
        address = config.address("control")
        with Control(address, config.security.keys, PATIENCE_S) as control:
            yield control
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
