"""Where a face is at chosen times; in between, it goes straight."""

import bisect
from collections.abc import Sequence
from typing import Annotated, NamedTuple

from pydantic import Field

from streamer.vision.boxes import Box

Time = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Place = Annotated[float, Field(ge=-(2**20), le=2**20, allow_inf_nan=False)]
_Size = Annotated[float, Field(gt=0, le=2**20, allow_inf_nan=False)]


class Key(NamedTuple):
    """Where a face is at one time of the clip."""

    at_ms: Time
    x: _Place
    y: _Place
    width: _Size
    height: _Size


def box_at(keys: Sequence[Key], t_ms: float) -> Box | None:
    """Return the box at a time between keys whose times rise; None before and after them."""
    if not keys or not keys[0].at_ms <= t_ms <= keys[-1].at_ms:
        return None
    after = bisect.bisect_left(keys, t_ms, key=lambda key: key.at_ms)
    late = keys[after]
    if late.at_ms == t_ms:
        return Box(*late[1:])
    early = keys[after - 1]
    share = (t_ms - early.at_ms) / (late.at_ms - early.at_ms)
    return Box(*(a + share * (b - a) for a, b in zip(early[1:], late[1:], strict=True)))
