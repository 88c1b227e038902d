"""Embedding by the workers of a pipeline: a real dispatch and a real worker, each in a thread."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zmq

from streamer.bus.sockets import Bus, open_bus
from streamer.config.sections import Config
from streamer.dispatch.process import Dispatch, DispatchEndpoints
from streamer.errors import ControlError
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.runtime.service import Service
from streamer.wire.asked import ANSWERED, EmbedCrops, EmbeddedCrops, WatchTrack
from streamer.wire.codec import decode, encode
from streamer.wire.messages import CropInfo, CropMessage, KeptCrop
from streamer.wire.timestamps import timestamp_now
from tests.streamer.dispatch.test_queue import crop
from tests.trainer.control.running import PATIENCE_S, serving
from trainer.control.embedding import AT_ONCE, Workers, asked_socket
from trainer.control.work import CancelledError, Work
from workers.embedding.embedder import Embedder
from workers.embedding.process import EmbedWorker


@contextmanager
def running(config: Config, *services: Service) -> Iterator[None]:
    """Each in a thread, with sockets of its own, until the block ends."""
    stop = Stop()
    buses = [Bus(config.security, config.data_path) for _ in services]
    threads = [
        threading.Thread(target=service.run, args=(bus, stop, Heartbeat(None, stop)))
        for service, bus in zip(services, buses, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread, bus in zip(threads, buses, strict=True):
            thread.join(PATIENCE_S)
            bus.close()


def dispatch_of(config: Config) -> Dispatch:
    ports = DispatchEndpoints(
        config.address("crops"),
        config.address("work"),
        config.address("ingest"),
        asked=config.address("asked"),
    )
    return Dispatch(config.dispatch, ports)


def noise(count: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    return np.random.default_rng(4).integers(0, 255, (count, 96, 96, 3), np.uint8)


def test_workers_embed_as_this_process_does_and_only_with_its_weights(
    config: Config, embedder: Embedder, folder: Path
) -> None:
    work = Work(folder=folder)
    worker = EmbedWorker("w", config.address("work"), embedder, 32)
    crops = noise(2 * AT_ONCE + 1)
    with running(config, dispatch_of(config), worker):
        used = Workers(config)(config, work)
        assert used.fingerprint == embedder.fingerprint
        assert used.alignment == embedder.alignment
        assert np.allclose(used.embed(crops), embedder.embed(crops), atol=1e-4)
        assert used.embed(crops[:0]).shape == (0, 128)
    foreign = EmbedWorker("w", config.address("work"), replace(embedder, fingerprint="other"), 32)
    with running(config, dispatch_of(config), foreign):
        used = Workers(config)(config, work)
        with pytest.raises(ControlError, match="a worker uses weights other"):
            used.embed(crops[:1])


def test_without_a_pipeline_it_waits_or_embeds_itself(
    config: Config, embedder: Embedder, folder: Path
) -> None:
    alone = Workers(config, alone=True)(config, Work(folder=folder))
    crops = noise(1)
    assert np.allclose(alone.embed(crops), embedder.embed(crops), atol=1e-4)
    asked = threading.Event()

    def check() -> None:
        if asked.is_set():
            raise CancelledError("enough")
        asked.set()

    waiting = Workers(config)(config, Work(folder=folder, check=check))
    with pytest.raises(CancelledError):
        waiting.embed(crops)


def test_what_dispatch_has_of_a_moment_ago_is_gone_once_somebody_is_forgotten(
    config: Config, embedder: Embedder
) -> None:
    info = crop(1, 1, timestamp_now()).info
    worker = EmbedWorker("w", config.address("work"), embedder, 32)
    with (
        running(config, dispatch_of(config), worker),
        serving(config, Workers(config), live=True) as control,
        open_bus(config.security) as bus,
    ):
        crops = bus.connect(zmq.PUSH, config.address("crops"))
        until = time.monotonic() + PATIENCE_S
        while not seen(config, info):
            fresh = replace(info, captured=timestamp_now())  # one that is too old is dropped
            crops.send_multipart(encode(CropMessage(fresh), noise(1).tobytes()))
            assert time.monotonic() < until
        job = control.forget("Eileen Collins")
        assert job.warnings == ()
        assert not seen(config, info)
    Path(config.address("asked").removeprefix("ipc://")).touch()  # as one that was killed leaves it
    with serving(config, Workers(config), live=True) as control:
        assert "dispatch does not answer" in control.ignore("Grace Hopper").warnings[0]


def seen(config: Config, info: CropInfo) -> bool:
    """Whether dispatch shows a crop of a moment ago to somebody who begins to look."""
    with asked_socket(config) as socket:
        socket.send_multipart(encode(WatchTrack(info.camera, info.epoch, info.track, 5.0)))
        socket.send_multipart(encode(EmbedCrops(1, 1), noise(1).tobytes()))
        kinds = []
        while EmbeddedCrops not in kinds:  # what is shown at once has come before it
            assert socket.poll(round(PATIENCE_S * 1000))
            kinds.append(type(decode(socket.recv_multipart(), ANSWERED)[0]))
        return KeptCrop in kinds
