"""What control asks of dispatch: crops to be embedded, and crops of a track to look at.

Live crops come first; a batch that has waited for `OVERDUE_S` has its turn all the same. Pure
state but for `answer`, which sends. Times are seconds of the monotonic clock.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from streamer.bus.sockets import Socket, receive_all, send_to_peer
from streamer.dispatch.looks import Look, Looks
from streamer.dispatch.queue import MAX_ATTEMPTS, QueuedCrop
from streamer.errors import ProtocolError
from streamer.wire.asked import (
    ASKED,
    DropLooks,
    EmbedCrops,
    EmbeddedCrops,
    EmbedRefused,
    LooksDropped,
    WatchTrack,
)
from streamer.wire.codec import decode, encode
from streamer.wire.counters import StageCount, StageCounters
from streamer.wire.messages import KeptCrop

MAX_WAITING = 64
OVERDUE_S = 1.0


@dataclass(frozen=True)
class AskedBatch:
    """Crops of one request of one peer; `attempts` counts lost workers."""

    peer: bytes
    request: int
    pixels: tuple[bytes | memoryview, ...]
    since_s: float
    attempts: int = 0


class AskedCrops:
    """At most `MAX_WAITING` batches, and looks at some tracks, each for its time."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._waiting: deque[AskedBatch] = deque()
        self._looks = Looks()
        self._counters = StageCounters("crops asked")

    def __len__(self) -> int:
        return len(self._waiting)

    def receive(self, now: float) -> list[ProtocolError]:
        """Take what has arrived; what was wrong with some of it."""
        faults = []
        self._looks.expire(now)
        for peer, *parts in receive_all(self._socket):
            try:
                message, buffers = decode(parts, ASKED)
            except ProtocolError as error:
                faults.append(error)
                continue
            match message:
                case EmbedCrops():
                    self._take(AskedBatch(peer, message.request, tuple(buffers), now))
                case WatchTrack():
                    self._watch(peer, message, now)
                case DropLooks():
                    self._drop_all(peer, message)
        return faults

    def overdue(self, now: float) -> bool:
        """Tell whether a batch has waited for so long that live crops are to wait for it."""
        return bool(self._waiting) and now - self._waiting[0].since_s >= OVERDUE_S

    def next(self) -> AskedBatch | None:
        """Return the batch that is to be handed out now, or None."""
        return self._waiting.popleft() if self._waiting else None

    def put_back(self, batch: AskedBatch, attempted: bool = False) -> None:
        """Take back a batch that could not be sent, or whose worker was lost (`attempted`)."""
        batch = replace(batch, attempts=batch.attempts + attempted)
        if batch.attempts < MAX_ATTEMPTS:
            self._waiting.appendleft(batch)
            return
        self._counters.drop("worker_lost", len(batch.pixels))
        why = f"{MAX_ATTEMPTS} workers were lost with these crops"
        self._send(batch.peer, EmbedRefused(batch.request, why))

    def answer(self, batch: AskedBatch, fingerprint: str, vectors: bytes | memoryview) -> None:
        """Send embeddings to whoever asked for them."""
        message = EmbeddedCrops(batch.request, len(batch.pixels), fingerprint)
        if self._send(batch.peer, message, vectors):
            self._counters.forward(len(batch.pixels))
        else:
            self._counters.drop("asker_gone", len(batch.pixels))

    def show(
        self, crops: Sequence[QueuedCrop], fingerprint: str, vectors: memoryview, now: float
    ) -> None:
        """Send crops of tracks that are watched, with their embeddings."""
        for peer, look in self._looks.take(crops, fingerprint, vectors, now):
            self._show(peer, look)

    def clear(self, held: int) -> None:
        """Give everything up, with `held` crops that are in workers' hands."""
        self._counters.drop("stopped", held + sum(len(each.pixels) for each in self._waiting))
        self._waiting.clear()

    def snapshot(self, held: int) -> StageCount:
        """Return the account; `held` crops are in workers' hands."""
        return self._counters.snapshot(held + sum(len(each.pixels) for each in self._waiting))

    def _take(self, batch: AskedBatch) -> None:
        self._counters.receive(len(batch.pixels))
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(batch)
            return
        self._counters.drop("queue_full", len(batch.pixels))
        self._send(batch.peer, EmbedRefused(batch.request, "busy"))

    def _watch(self, peer: bytes, message: WatchTrack, now: float) -> None:
        track = message.camera, message.epoch, message.track
        for look in self._looks.watch(peer, track, message.seconds, now):
            self._show(peer, look)

    def _drop_all(self, peer: bytes, message: DropLooks) -> None:
        """Let go of what is kept and what waits; who still wants that embedded asks again."""
        self._looks.drop_all()
        while self._waiting:
            batch = self._waiting.popleft()
            self._counters.drop("forgotten", len(batch.pixels))
            self._send(batch.peer, EmbedRefused(batch.request, "busy"))
        self._send(peer, LooksDropped(message.request))

    def _show(self, peer: bytes, look: Look) -> None:
        message = KeptCrop(look.crop.info, look.fingerprint)
        self._send(peer, message, look.crop.pixels, look.embedding)

    def _send(self, peer: bytes, message: object, *buffers: bytes | memoryview) -> bool:
        return send_to_peer(self._socket, peer, encode(message, *buffers)) == "sent"
