"""What a history hears, made by hand: events, who is present, crops."""

import itertools
import time
from collections.abc import Iterator
from typing import Literal

import numpy as np

from streamer.history.keeping import Kept
from streamer.history.recording import Rules
from streamer.history.retention import Limits
from streamer.wire.messages import (
    CropInfo,
    GalleryEvent,
    IdentityEvent,
    PresenceEvent,
    PresentTrack,
)
from streamer.wire.timestamps import Timestamp, clock_id, utc_text

ALL = Rules(strangers=True, keep=True, snapshots=True)
LIMITS = Limits(keep_days=30, strangers_days=7, max_bytes=10**9)
BEGIN_NS = time.time_ns() // 10**9 * 10**9
_NUMBERS = itertools.count(1)


def event(
    kind: Literal["enter", "update", "exit"],
    track: int,
    identity: str | None = None,
    stranger: str | None = None,
    *,
    at_s: float = 0.0,
    epoch: str = "run",
) -> IdentityEvent:
    """An event of a track of the camera `door`, so many seconds after the beginning."""
    number = next(_NUMBERS)
    return IdentityEvent(
        event=kind, id=f"{epoch}-{number}", camera="door", track=f"t-{track}", identity=identity,
        stranger=stranger, probability=0.9, squared_distance=0.1, box_xywh=(1, 2, 90, 90),
        captured_utc=utc_text(BEGIN_NS + round(at_s * 1e9)), media_ms=0.0, age_ms=1.0,
        sequence=number, epoch=epoch, number=number, weights="w", gallery="g",
    )  # fmt: skip


def presence(*tracks: tuple[int, str | None, str | None], epoch: str = "run") -> PresenceEvent:
    """Everybody before the camera: track, identity, stranger."""
    return PresenceEvent(
        "door",
        epoch,
        tuple(
            PresentTrack(
                track=f"t-{track}", identity=identity, stranger=stranger, probability=0.8,
                box_xywh=(1, 2, 90, 90), entered_utc=utc_text(BEGIN_NS),
            )
            for track, identity, stranger in tracks
        ),
    )  # fmt: skip


def gallery(version: str, *names: str) -> GalleryEvent:
    """A gallery in use."""
    return GalleryEvent(
        version=version, fingerprint="g", weights="w", people=len(names), names=names
    )


def crops(track: int, *qualities: float, weights: str = "w", seed: int = 0) -> Iterator[Kept]:
    """Crops of a track, of noise, with embeddings that are nearly one another's."""
    rng = np.random.default_rng(1000 * seed + track)
    middle = rng.standard_normal(128)
    for number, quality in enumerate(qualities):
        vector = middle + 0.2 * rng.standard_normal(128)
        embedding = (vector / np.linalg.norm(vector)).astype("<f4").tobytes()
        info = CropInfo(
            camera="door", epoch="t", track=track, sequence=number,
            captured=Timestamp(time.monotonic_ns(), BEGIN_NS, clock_id()), media_ms=0.0,
            box_xywh=(1, 2, 90, 90), quality=quality,
        )  # fmt: skip
        yield Kept(info, weights, embedding, rng.integers(0, 256, 27648, np.uint8).tobytes())
