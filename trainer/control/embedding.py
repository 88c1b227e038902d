"""Who embeds for a change: the workers of the pipeline, or this process where none runs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import zmq
from numpy.typing import NDArray

from streamer.bus.sockets import Bus, Socket, try_send
from streamer.config.sections import Config
from streamer.constants import EMBEDDING_SIZE
from streamer.errors import ControlError, ProtocolError
from streamer.runtime.cores import available_cores
from streamer.vision.align import alignment_for
from streamer.wire.asked import (
    ANSWERED,
    DropLooks,
    EmbedCrops,
    EmbeddedCrops,
    EmbedRefused,
    LooksDropped,
)
from streamer.wire.codec import decode, encode
from trainer.control.work import Work
from workers.embedding.embedder import Embedder, load_embedder
from workers.network.weights_file import embedding_fingerprint, read_fingerprint

AT_ONCE = 8
"""Crops in a request: a live crop that comes meanwhile waits for no more than these."""

ANSWER_S = 20.0
ALONE_S = 3.0
_POLL_MS = 100
_BUSY_S = 0.3


def in_this_process(config: Config, work: Work) -> Embedder:
    """Load the network into this process."""
    work.progress("loading the network")
    return load_embedder(config.weights_path, config.embed, available_cores(), config.answers_path)


class Workers:
    """The workers of a pipeline, by way of its dispatch; makes embedders that use them.

    Their weights must be those that are in use here. alone: where no dispatch is there for a while,
    the network is loaded into this process; or else it is waited for.
    """

    def __init__(self, config: Config, alone: bool = False) -> None:
        self._config = config
        self._alone = alone

    @cached_property
    def _fingerprint(self) -> str:
        weights = read_fingerprint(self._config.weights_path)
        return embedding_fingerprint(weights, self._config.embed.mirror)

    def __call__(self, config: Config, work: Work) -> Embedder:
        """Return what embeds crops for one change."""
        if self._alone and not _is_there(config):
            return in_this_process(config, work)

        def embed(crops_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
            with asked_socket(config) as socket:
                starts = range(0, len(crops_rgb), AT_ONCE)
                parts = [self._ask(socket, crops_rgb[at : at + AT_ONCE], work) for at in starts]
            return np.concatenate(parts) if parts else np.empty((0, EMBEDDING_SIZE), np.float32)

        alignment = alignment_for(config.embed, config.weights_path)
        return Embedder(embed, self._fingerprint, alignment)

    def _ask(self, socket: Socket, crops_rgb: NDArray[np.uint8], work: Work) -> NDArray[np.float32]:
        """Have some crops embedded; asked again where dispatch was lost with them."""
        while True:
            number = time.monotonic_ns()
            message = encode(
                EmbedCrops(number, len(crops_rgb)), *(crop.tobytes() for crop in crops_rgb)
            )
            while not try_send(socket, message):
                work.check()
                time.sleep(_POLL_MS / 1000)
            answer = _answer_to(socket, number, work)
            match answer:
                case EmbedRefused(why="busy") | None:
                    time.sleep(_BUSY_S)
                case EmbedRefused():
                    raise ControlError(f"the crops were not embedded: {answer.why}")
                case (done, vectors):
                    return self._checked(done, vectors)

    def _checked(self, done: EmbeddedCrops, vectors: bytes | memoryview) -> NDArray[np.float32]:
        if done.fingerprint != self._fingerprint:
            raise ControlError(
                f"a worker uses weights {done.fingerprint}, and {self._fingerprint} are configured "
                f"here; give every host the same embed.weights and embed.mirror"
            )
        rows = np.frombuffer(vectors, "<f4").reshape(done.count, EMBEDDING_SIZE)
        norms = np.linalg.norm(rows, axis=1)
        if not np.isfinite(norms).all() or (np.abs(norms - 1) > 0.01).any():
            raise ControlError("a worker's embeddings are not finite unit vectors")
        return np.asarray(rows, np.float32)


@contextmanager
def asked_socket(config: Config) -> Iterator[Socket]:
    """Connect to dispatch while the block runs, in the thread that uses it."""
    bus = Bus(config.security)
    try:
        yield bus.connect(zmq.DEALER, config.address("asked"), immediate=True)
    finally:
        bus.close()


def drop_looks(config: Config) -> bool:
    """Have dispatch let go of the crops that it has in memory; False where it does not answer."""
    if not _may_be_there(config):
        return True
    with asked_socket(config) as socket:
        number = time.monotonic_ns()
        if not socket.poll(round(ALONE_S * 1000), zmq.POLLOUT):
            return False
        socket.send_multipart(encode(DropLooks(number)))
        until = time.monotonic() + ANSWER_S
        while time.monotonic() < until:
            if not socket.poll(_POLL_MS):
                continue
            try:
                message, _ = decode(socket.recv_multipart(), ANSWERED)
            except ProtocolError:
                continue
            if isinstance(message, LooksDropped) and message.request == number:
                return True
    return False


def _may_be_there(config: Config) -> bool:
    address = config.address("asked")
    return not address.startswith("ipc://") or Path(address.removeprefix("ipc://")).exists()


def _is_there(config: Config) -> bool:
    if not _may_be_there(config):
        return False
    with asked_socket(config) as socket:
        return bool(socket.poll(round(ALONE_S * 1000), zmq.POLLOUT))


def _answer_to(
    socket: Socket, number: int, work: Work
) -> EmbedRefused | tuple[EmbeddedCrops, bytes | memoryview] | None:
    """Wait for the answer to a request; None where it does not come in time."""
    until = time.monotonic() + ANSWER_S
    while time.monotonic() < until:
        work.check()
        if not socket.poll(_POLL_MS):
            continue
        try:
            message, buffers = decode(socket.recv_multipart(), ANSWERED)
        except ProtocolError as error:
            raise ControlError(f"dispatch's answer is none: {error}") from error
        if isinstance(message, EmbedRefused) and message.request == number:
            return message
        if isinstance(message, EmbeddedCrops) and message.request == number:
            return message, buffers[0]
    return None
