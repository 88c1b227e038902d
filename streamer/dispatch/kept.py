"""Crops that go to the history, with their embeddings."""

from collections.abc import Sequence

from streamer.bus.sockets import Socket, try_send
from streamer.dispatch.keeping import Keeping
from streamer.dispatch.queue import QueuedCrop
from streamer.wire.codec import encode
from streamer.wire.counters import StageCount, StageCounters
from streamer.wire.messages import EMBEDDING_BYTES, KeptCrop


class KeptCrops:
    """Sends those of each track that are worth keeping; where history is away, they are dropped."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._keeping = Keeping()
        self._counters = StageCounters("crops to keep")

    def take(self, crops: Sequence[QueuedCrop], fingerprint: str, vectors: memoryview) -> None:
        """Send on what may be worth keeping of crops that were embedded."""
        for index, crop in enumerate(crops):
            self._counters.receive()
            if not self._keeping.wants(crop.info):
                self._counters.drop("enough_of_track")
                continue
            embedding = vectors[index * EMBEDDING_BYTES : (index + 1) * EMBEDDING_BYTES]
            message = encode(KeptCrop(crop.info, fingerprint), crop.pixels, embedding)
            if try_send(self._socket, message):
                self._keeping.sent(crop.info)
                self._counters.forward()
            else:
                self._counters.drop("history_away")

    def snapshot(self) -> StageCount:
        """Return the account."""
        return self._counters.snapshot()
