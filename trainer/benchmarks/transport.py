"""The transport bench: dispatch and a worker with a null network, against pickled REQ/REP."""

import multiprocessing
import pickle
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from streamer.bus.sockets import open_bus
from streamer.config.sections import DispatchConfig
from streamer.dispatch.process import Dispatch, DispatchEndpoints
from streamer.errors import FacestreamError
from streamer.runtime.heartbeat import Heartbeat, Stop
from streamer.wire.codec import decode, encode
from streamer.wire.messages import CropInfo, CropMessage, Embeddings
from streamer.wire.timestamps import timestamp_now
from workers.embedding.embedder import Embedder
from workers.embedding.process import EmbedWorker

WINDOW = 512
_TIMEOUT_MS = 60_000
_BATCH = 64


def measure(seconds: float) -> dict[str, Any]:
    """Crops a second of both ways, one after the other on the same machine."""
    ours = _through_dispatch(seconds)
    theirs = _through_pickles(seconds)
    return {
        "crops_per_s": ours,
        "pickled_req_rep_per_s": theirs,
        "ratio_to_pickled_req_rep": ours / theirs,
    }


def _serve_dispatch(ports: DispatchEndpoints) -> None:
    config = DispatchConfig(max_queue=4 * WINDOW, max_batch=_BATCH, max_age_ms=60_000)
    stop = Stop().install()
    with open_bus() as bus:
        Dispatch(config, ports).run(bus, stop, Heartbeat(None, stop))


def _serve_null_worker(address: str) -> None:
    def embed(crops_rgb: Any) -> Any:
        vectors = np.zeros((len(crops_rgb), 128), np.float32)
        vectors[:, 0] = 1.0
        return vectors

    stop = Stop().install()
    with open_bus() as bus:
        worker = EmbedWorker("null", address, Embedder(embed, "null", "square"), _BATCH)
        worker.run(bus, stop, Heartbeat(None, stop))


def _serve_pickles(address: str) -> None:
    context = zmq.Context()
    socket = context.socket(zmq.REP)
    socket.bind(address)
    while True:
        crop = pickle.loads(socket.recv())  # noqa: S301 - what the peer of this bench does
        if crop is None:
            break
        vector = np.zeros(128, np.float32)
        vector[0] = 1.0
        socket.send(pickle.dumps(vector))
    socket.close(linger=0)
    context.term()


def _through_dispatch(seconds: float) -> float:
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="fs-") as folder, open_bus() as bus:
        ports = DispatchEndpoints(
            f"ipc://{folder}/crops", f"ipc://{folder}/work", f"ipc://{folder}/ingest"
        )
        processes = [
            spawn.Process(target=_serve_dispatch, args=(ports,)),
            spawn.Process(target=_serve_null_worker, args=(ports.work,)),
        ]
        for process in processes:
            process.start()
        try:
            source = bus.connect(zmq.PUSH, ports.crops, 4 * WINDOW)
            sink = bus.bind(zmq.PULL, ports.ingest, 4 * WINDOW)
            pixels = np.random.default_rng(0).integers(0, 255, 96 * 96 * 3, np.uint8).tobytes()
            sent = received = 0
            began = 0.0
            counted = 0
            while not began or time.monotonic() - began < seconds:
                while sent - received < WINDOW:
                    sent += 1
                    info = CropInfo(
                        camera="bench",
                        epoch="bench",
                        track=sent,
                        sequence=sent,
                        captured=timestamp_now(),
                        media_ms=0.0,
                        box_xywh=(0, 0, 96, 96),
                        quality=1.0,
                    )
                    source.send_multipart(encode(CropMessage(info), pixels))
                if not sink.poll(_TIMEOUT_MS):
                    raise FacestreamError("dispatch gave no sign of life")
                message, _ = decode(sink.recv_multipart())
                if isinstance(message, Embeddings):
                    received += len(message.crops)
                    if not began and received > WINDOW:
                        began, counted = time.monotonic(), received
            return (received - counted) / (time.monotonic() - began)
        finally:
            for process in processes:
                process.terminate()
                process.join()


def _through_pickles(seconds: float) -> float:
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="fs-") as folder:
        address = f"ipc://{Path(folder) / 'pickles'}"
        server = spawn.Process(target=_serve_pickles, args=(address,))
        server.start()
        context = zmq.Context()
        socket = context.socket(zmq.REQ)
        socket.connect(address)
        crop = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
        try:
            count = 0
            socket.send(pickle.dumps(crop))
            socket.recv()
            began = time.monotonic()
            while time.monotonic() - began < seconds:
                socket.send(pickle.dumps(crop))
                pickle.loads(socket.recv())  # noqa: S301 - our own reply
                count += 1
            rate = count / (time.monotonic() - began)
            socket.send(pickle.dumps(None))
        finally:
            socket.close(linger=1000)
            context.term()
            server.join(10)
            if server.is_alive():
                server.terminate()
                server.join()
        return rate
