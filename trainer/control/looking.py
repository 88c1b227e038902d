"""Enrolling somebody from a face that is before a camera now."""

import io
import re
import time
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from streamer.bus.sockets import Socket, try_send
from streamer.constants import CROP_SIZE
from streamer.errors import ControlError, ProtocolError
from streamer.files import write_file
from streamer.history.queries import StoredCrop
from streamer.wire.asked import ANSWERED, WatchTrack
from streamer.wire.codec import decode, encode
from streamer.wire.control import EnrolTrack
from streamer.wire.messages import KeptCrop
from trainer.control.changes import new_name
from trainer.control.desk import Desk
from trainer.control.embedding import asked_socket
from trainer.control.enrolling import enrol_found, of_weights
from trainer.control.work import LostError, Work

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TRACK = re.compile(r"([0-9a-zA-Z]{1,64})-([0-9]{1,18})")
LOOKED = "looked.npz"
_POLL_MS = 100
_LONGER_S = 5.0
_EVERY_S = 0.15
"""Crops that follow each other sooner show the same."""


def enrol_track(desk: Desk, change: EnrolTrack, work: Work) -> None:
    """Look at a track until there are enough crops, and enrol them under a name.

    Crops are written down as they come: a run that ended goes on with those that it had.
    """
    from trainer.enrolment.kept import harvest_of

    new_name(change.person)
    epoch, number = _track(change.track)
    saved = work.folder / LOOKED
    crops = _read(saved, change.camera, number)
    if work.resumed and not crops:
        raise LostError(
            f"the process ended before it had a crop of track {change.track}; ask again while "
            f"the face is there"
        )
    if not work.resumed:
        look = WatchTrack(change.camera, epoch, number, change.seconds + _LONGER_S)
        crops = _look(desk, change, look, saved, work)
    if not crops:
        raise ControlError(
            f"no crop of track {change.track} of camera {change.camera} came within "
            f"{change.seconds:g} s: it has left, or there is none"
        )
    first_ms = crops[0].at_ms
    crops = [replace(crop, entered_ms=first_ms) for crop in crops]
    enrol_found(desk, change, harvest_of(of_weights(crops, desk.weights)), work)


def _look(
    desk: Desk, change: EnrolTrack, look: WatchTrack, saved: Path, work: Work
) -> list[StoredCrop]:
    crops: list[StoredCrop] = []
    began = time.monotonic()
    again_at = 0.0
    with asked_socket(desk.config) as socket:
        try:
            while len(crops) < change.crops and time.monotonic() - began < change.seconds:
                work.progress(f"looking at {change.camera}", len(crops), change.crops)
                if time.monotonic() >= again_at:  # dispatch may have been started again
                    try_send(socket, encode(look))
                    again_at = time.monotonic() + 1.0
                crop = _next(socket, look)
                if crop is None:
                    continue
                if crops and crop.at_ms - crops[-1].at_ms < _EVERY_S * 1000:
                    continue
                crops.append(crop)
                write_looks(saved, crops)
        finally:
            try_send(socket, encode(WatchTrack(look.camera, look.epoch, look.track, 0.0)))
    return crops


def _next(socket: Socket, look: WatchTrack) -> StoredCrop | None:
    if not socket.poll(_POLL_MS):
        return None
    try:
        message, (pixels, embedding) = decode(socket.recv_multipart(), ANSWERED)
    except (ProtocolError, ValueError):
        return None
    if not isinstance(message, KeptCrop):
        return None
    info, at_ms = message.info, message.info.captured.utc_ns // 1_000_000
    return StoredCrop(
        visit=look.track,
        camera=info.camera,
        entered_ms=0,
        at_ms=at_ms,
        quality=info.quality,
        face_px=info.box_xywh[2],
        weights=message.fingerprint,
        embedding=np.frombuffer(embedding, "<f4"),
        crop_rgb=np.frombuffer(pixels, np.uint8).reshape(CROP_SIZE, CROP_SIZE, 3),
    )


def _track(text: str) -> tuple[str, int]:
    """Return a track's epoch and number, from its public id. Raises ControlError."""
    found = _TRACK.fullmatch(text)
    if found is None:
        raise ControlError(f"a track must be as an identity event names it. Received: {text!r:.80}")
    return found[1], int(found[2])


def write_looks(path: Path, crops: Sequence[StoredCrop]) -> None:
    """Write down what has been seen of a track so far."""
    buffer = io.BytesIO()
    np.savez(
        buffer,
        numbers=np.array([(c.at_ms, c.face_px) for c in crops], np.int64),
        quality=np.array([c.quality for c in crops], np.float64),
        weights=np.array([c.weights for c in crops], np.str_),
        embeddings=np.stack([c.embedding for c in crops]),
        crops=np.stack([c.crop_rgb for c in crops]),
    )
    write_file(path, buffer.getvalue())


def _read(path: Path, camera: str, track: int) -> list[StoredCrop]:
    keys = ("numbers", "quality", "weights", "embeddings", "crops")
    try:
        with np.load(path, allow_pickle=False) as stored:
            columns: list[NDArray[np.generic]] = [stored[key] for key in keys]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return []
    return [
        StoredCrop(
            visit=track, camera=camera, entered_ms=0, at_ms=int(at_ms), quality=float(quality),
            face_px=int(face_px), weights=str(weights), embedding=embedding, crop_rgb=crop_rgb,
        )
        for (at_ms, face_px), quality, weights, embedding, crop_rgb in zip(*columns, strict=True)
    ]  # fmt: skip
