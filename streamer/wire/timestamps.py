"""Capture times that can be compared between processes and, less well, between hosts."""

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

NS_PER_MS = 1_000_000
_Nanoseconds = Annotated[int, Field(ge=0, lt=2**63)]


@dataclass(frozen=True)
class Timestamp:
    """One moment on two clocks.

    `monotonic_ns` can be compared only by processes with the same `clock` (one boot of one
    host); for the others there is `utc_ns`, as good as the hosts' time synchronisation.
    """

    monotonic_ns: _Nanoseconds
    utc_ns: _Nanoseconds
    clock: Annotated[str, Field(max_length=64)]


@cache
def clock_id() -> str:
    """Return a name for this boot of this host, which is what its monotonic clock belongs to."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"host-{uuid.getnode():012x}"


def timestamp_now() -> Timestamp:
    """Read both clocks."""
    return Timestamp(time.monotonic_ns(), time.time_ns(), clock_id())


def age_ms(stamp: Timestamp) -> float:
    """Return the milliseconds since the stamp; never negative."""
    if stamp.clock == clock_id():
        age_ns = time.monotonic_ns() - stamp.monotonic_ns
    else:
        age_ns = time.time_ns() - stamp.utc_ns
    return max(0.0, age_ns / NS_PER_MS)


def utc_text(utc_ns: int) -> str:
    """Format as RFC 3339 with milliseconds, in UTC: 2024-05-01T12:00:00.123Z."""
    moment = datetime.fromtimestamp(utc_ns / 1e9, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
