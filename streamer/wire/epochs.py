"""Names for the runs of processes, so that what they number never repeats."""

import secrets
import time


def new_epoch() -> str:
    """Return a name for this run of a process: the second it began and a random part, in hex.

    Later runs sort after earlier ones as long as the clock is right; that they differ does not
    depend on it.
    """
    return f"{time.time_ns() // 1_000_000_000:08x}{secrets.token_hex(3)}"


def track_id(epoch: str, number: int) -> str:
    """Return a track's public id, from the epoch of its capture process and its number there."""
    return f"{epoch}-{number}"
