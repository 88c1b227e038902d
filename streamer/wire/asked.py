"""Messages between control and dispatch: crops that are to be embedded, and looks at a track.

They share the workers with the cameras, and come after those. For the pipeline's own use.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from streamer.wire.messages import CROP_BYTES, EMBEDDING_BYTES, Count, KeptCrop, Name, Text

MAX_ASKED = 32


@dataclass(frozen=True)
class EmbedCrops:
    """Control to dispatch. Parts 1 to `count`: a crop each."""

    request: Count
    count: Annotated[int, Field(ge=1, le=MAX_ASKED)]

    @property
    def part_sizes(self) -> list[int]:
        """Bytes of each part."""
        return [CROP_BYTES] * self.count


@dataclass(frozen=True)
class EmbeddedCrops:
    """Dispatch to control. Part 1: count x 128 float32, little-endian."""

    request: Count
    count: Annotated[int, Field(ge=1, le=MAX_ASKED)]
    fingerprint: Name

    @property
    def part_sizes(self) -> list[int]:
        """Bytes of the part."""
        return [EMBEDDING_BYTES * self.count]


@dataclass(frozen=True)
class EmbedRefused:
    """Dispatch to control: no embeddings will come, and why."""

    request: Count
    why: Text


@dataclass(frozen=True)
class WatchTrack:
    """Control to dispatch: send crops of a track, with embeddings, for so long; 0 ends it."""

    camera: Name
    epoch: Name
    track: Count
    seconds: Annotated[float, Field(ge=0, le=120)]


@dataclass(frozen=True)
class DropLooks:
    """Control to dispatch: keep no crop of a moment ago; what waits to be embedded is refused."""

    request: Count


@dataclass(frozen=True)
class LooksDropped:
    """Dispatch to control: it keeps none any more."""

    request: Count


ASKED: dict[str, type] = {cls.__name__: cls for cls in (EmbedCrops, WatchTrack, DropLooks)}
ANSWERED: dict[str, type] = {
    cls.__name__: cls for cls in (EmbeddedCrops, EmbedRefused, KeptCrop, LooksDropped)
}
