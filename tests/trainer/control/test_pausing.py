"""A camera is paused by a request: said at once, again every second, and kept over restarts."""

import pytest
import zmq

from streamer.bus.sockets import Socket, open_bus
from streamer.config.sections import Config
from streamer.control import ControlError
from streamer.control.pausing import read_paused
from streamer.wire.codec import decode
from streamer.wire.messages import PauseEvent
from tests.trainer.control.running import PATIENCE_S, serving, with_this
from workers.embedding.embedder import Embedder


def pauses(ingest: Socket, count: int) -> list[PauseEvent]:
    found: list[PauseEvent] = []
    while len(found) < count:
        assert ingest.poll(round(PATIENCE_S * 1000))
        message = decode(ingest.recv_multipart())[0]
        found += [message] if isinstance(message, PauseEvent) else []
    return found


def test_a_pause_is_told_again_and_again_and_outlives_the_service(
    config: Config, embedder: Embedder
) -> None:
    (config.data_path / "run").mkdir()
    with open_bus() as bus:
        ingest = bus.bind(zmq.PULL, config.address("ingest"))
        with serving(config, with_this(embedder)) as control:
            assert pauses(ingest, 2) == [PauseEvent("door", False)] * 2
            with pytest.raises(ControlError, match=r"no camera 'hall'. Cameras: door"):
                control.pause("hall")
            assert control.pause("door") == ["door"]
            assert control.pause("door") == ["door"]
        assert read_paused(config.paused_path) == {"door"}
        while ingest.poll(0):
            ingest.recv_multipart()
        with serving(config, with_this(embedder)) as control:
            assert pauses(ingest, 2) == [PauseEvent("door", True)] * 2
            assert control.resume("door") == []
            assert pauses(ingest, 3)[-1] == PauseEvent("door", False)
    assert read_paused(config.paused_path) == set()


@pytest.mark.parametrize("content", [b"", b"{", b'{"door": 1}', b"[" * 50_000, b"[1, null]"])
def test_a_file_that_is_none_pauses_nobody(config: Config, content: bytes) -> None:
    config.paused_path.write_bytes(content)
    assert read_paused(config.paused_path) == set()
