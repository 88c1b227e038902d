"""Frames from a capture process to the view process, in shared memory.

The memory has no name: the supervisor makes it and hands its descriptor to both processes,
so nothing is left behind, however they end. Each slot has a generation number, odd while it
is being written: a late reader never pairs an old box with newer pixels.
"""

import mmap
import os
import struct
import tempfile

import numpy as np
from numpy.typing import NDArray

SLOTS = 4
SLOT_PIXEL_BYTES = 3840 * 2160 * 3
_HEADER = struct.Struct("<QII")  # generation, width, height
_SLOT_BYTES = 4096 + SLOT_PIXEL_BYTES
SHARED_BYTES = SLOTS * _SLOT_BYTES


def make_shared_frames() -> int:
    """Return a descriptor of new anonymous shared memory; pages are used only once written."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("facestream-ring", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, SHARED_BYTES)
    return descriptor


class SharedFrames:
    """One process's view of a ring. One process writes, any number read."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, SHARED_BYTES)
        os.close(descriptor)
        # A writer that was restarted goes on where the last one was.
        found = (_HEADER.unpack_from(self._memory, slot * _SLOT_BYTES)[0] for slot in range(SLOTS))
        self._generation = (max(found) + 1) // 2 * 2

    def write(self, image_bgr: NDArray[np.uint8]) -> tuple[int, int] | None:
        """Store a (height, width, 3) uint8 frame; return slot and generation, None if too large."""
        height, width = image_bgr.shape[:2]
        size = height * width * 3
        if size > SLOT_PIXEL_BYTES:
            return None
        self._generation += 2
        slot = (self._generation // 2) % SLOTS
        start = slot * _SLOT_BYTES
        _HEADER.pack_into(self._memory, start, self._generation - 1, width, height)
        pixels = np.frombuffer(self._memory, np.uint8, size, start + 4096)
        np.copyto(pixels.reshape(height, width, 3), image_bgr)
        _HEADER.pack_into(self._memory, start, self._generation, width, height)
        return slot, self._generation

    def read(self, slot: int, generation: int) -> NDArray[np.uint8] | None:
        """Return a copy of the frame, or None if the slot has been written again since."""
        if not 0 <= slot < SLOTS:
            return None
        start = slot * _SLOT_BYTES
        found, width, height = _HEADER.unpack_from(self._memory, start)
        size = height * width * 3
        if found != generation or not 0 < size <= SLOT_PIXEL_BYTES:
            return None
        pixels = np.frombuffer(self._memory, np.uint8, size, start + 4096).copy()
        if _HEADER.unpack_from(self._memory, start)[0] != generation:
            return None
        return pixels.reshape(height, width, 3)

    def close(self) -> None:
        """Unmap the memory."""
        self._memory.close()
