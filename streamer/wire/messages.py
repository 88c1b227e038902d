"""Every message on the wire: a frozen dataclass, encoded as a msgpack map and raw buffers.

The first part of a message is a map with `v` (the version), `type` and the fields; pixels and
vectors follow as parts of their own. Whatever comes in is checked field by field; a message that
does not fit raises ProtocolError. `docs/protocol.md` describes the published ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

import msgpack
from pydantic import Field, TypeAdapter, ValidationError

from streamer.constants import CROP_SIZE
from streamer.errors import ProtocolError
from streamer.wire.counters import StageCount
from streamer.wire.timestamps import Timestamp

VERSION = 1
MAX_HEADER_BYTES = 256 * 1024
MAX_PART_BYTES = 32 * 1024 * 1024
MAX_TRACKS = 256
MAX_BATCH = 256
CROP_BYTES = CROP_SIZE * CROP_SIZE * 3
EMBEDDING_BYTES = 128 * 4

Text = Annotated[str, Field(max_length=512)]
Name = Annotated[str, Field(max_length=128)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Real = Annotated[float, Field(allow_inf_nan=False)]
Unit = Annotated[float, Field(ge=0, le=1)]
WireBox = tuple[
    Annotated[int, Field(ge=-(2**20), le=2**20)],
    Annotated[int, Field(ge=-(2**20), le=2**20)],
    Annotated[int, Field(ge=0, le=2**20)],
    Annotated[int, Field(ge=0, le=2**20)],
]


@dataclass(frozen=True)
class CropInfo:
    """Where a crop comes from. `quality` in [0, 1] weighs its vote."""

    camera: Name
    track: Count
    sequence: Count
    captured: Timestamp
    media_ms: Real
    box_xywh: WireBox
    quality: Unit


@dataclass(frozen=True)
class CropMessage:
    """Capture to dispatch. Part 1: 96 x 96 x 3 uint8, RGB, row by row."""

    info: CropInfo


@dataclass(frozen=True)
class WorkerReady:
    """Embed to dispatch: give me up to `capacity` crops. Repeated every second while idle."""

    worker: Name
    capacity: Annotated[int, Field(ge=1, le=MAX_BATCH)]
    fingerprint: Name


@dataclass(frozen=True)
class Batch:
    """Dispatch to embed. Parts 1 to `count`: a crop each. A count of 0 is a probe to ignore."""

    batch: Count
    count: Annotated[int, Field(ge=0, le=MAX_BATCH)]


@dataclass(frozen=True)
class BatchDone:
    """Embed to dispatch. Part 1: count x 128 float32, little-endian."""

    worker: Name
    batch: Count
    count: Annotated[int, Field(ge=1, le=MAX_BATCH)]
    fingerprint: Name
    cpu_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class Embeddings:
    """Dispatch to identify. Part 1: as many x 128 float32 as there are crops."""

    crops: Annotated[tuple[CropInfo, ...], Field(min_length=1, max_length=MAX_BATCH)]
    fingerprint: Name


@dataclass(frozen=True)
class SeenTrack:
    """One track in one frame; `found` is False while it is only predicted."""

    track: Count
    box_xywh: WireBox
    found: bool


@dataclass(frozen=True)
class Tracks:
    """Capture to identify, for every processed frame.

    `slot` and `generation` name the picture in the camera's frame ring; or part 1 holds it as a
    JPEG; or there is no picture, as nobody wants one.
    """

    camera: Name
    sequence: Count
    captured: Timestamp
    media_ms: Real
    frame_wh: tuple[Annotated[int, Field(ge=1, le=2**15)], Annotated[int, Field(ge=1, le=2**15)]]
    tracks: Annotated[tuple[SeenTrack, ...], Field(max_length=MAX_TRACKS)]
    ended: Annotated[tuple[Count, ...], Field(max_length=4 * MAX_TRACKS)]
    slot: Annotated[int, Field(ge=0, le=64)] | None = None
    generation: Count | None = None


@dataclass(frozen=True)
class CameraState:
    """What a camera's source is doing; `detail` is for people and holds no credentials."""

    state: Literal["opening", "running", "stalled", "retrying", "ended", "stopped"]
    detail: Text = ""


@dataclass(frozen=True)
class Stats:
    """One process's report, once a second and at its end; published on the topic `stats`."""

    role: Literal["capture", "dispatch", "embed", "identify"]
    name: Name
    instance: Name
    sent_utc: Name
    stages: Annotated[tuple[StageCount, ...], Field(max_length=16)]
    rates: Annotated[dict[Name, Real], Field(max_length=32)]
    cpu_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    camera_state: CameraState | None = None
    final: bool = False


@dataclass(frozen=True)
class TrackFeedback:
    """Identify to capture, published on `hint/<camera>`: never needed, only useful.

    `sequence` acknowledges the crop of that track; `certain` asks for fewer of them.
    """

    camera: Name
    track: Count | None = None
    sequence: Count | None = None
    certain: bool = False
    frames_wanted: bool | None = None


@dataclass(frozen=True)
class IdentityEvent:
    """Published on `identity/<camera>`.

    event: `enter` once a track has a decision, `update` with every later crop, `exit` at its end.
    identity: the enrolled person, or None for a stranger.
    stranger: an id for a stranger, stable for the track (and beyond, if so configured).
    probability: of the identity; for a stranger, that it is nobody enrolled. In [0, 1].
    squared_distance: of the last crop's embedding to the nearest candidate's gallery.
    age_ms: capture to publication.
    number: counts the events of a camera; a gap is what the subscriber was too slow for.
    """

    event: Literal["enter", "update", "exit"]
    camera: Name
    track: Count
    identity: Name | None
    stranger: Name | None
    probability: Unit
    squared_distance: Real
    box_xywh: WireBox
    captured_utc: Name
    media_ms: Real
    age_ms: Real
    sequence: Count
    number: Count
    weights: Name
    gallery: Name


@dataclass(frozen=True)
class GalleryEvent:
    """Published on `gallery` when a new version is in use, and every second."""

    version: Name
    people: Annotated[tuple[Name, ...], Field(max_length=100_000)]
    weights: Name


@dataclass(frozen=True)
class FrameEvent:
    """Published on `frame/<camera>`. Part 1: the annotated picture as a JPEG."""

    camera: Name
    sequence: Count
    captured_utc: Name
    age_ms: Real
    frame_wh: tuple[int, int]


M = TypeVar("M")

TYPES: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        CropMessage,
        WorkerReady,
        Batch,
        BatchDone,
        Embeddings,
        Tracks,
        Stats,
        TrackFeedback,
        IdentityEvent,
        GalleryEvent,
        FrameEvent,
    )
}


def encode(message: object, *buffers: bytes | memoryview) -> list[bytes | memoryview]:
    """The parts of a message: header, then the buffers as they are."""
    header = {"v": VERSION, "type": type(message).__name__, **_plain(message)}
    return [msgpack.packb(header), *buffers]


def decode(parts: Sequence[bytes | memoryview]) -> tuple[Any, list[bytes | memoryview]]:
    """The message and its buffers. Raises ProtocolError for anything that does not fit."""
    if not parts:
        raise ProtocolError("a message must have a header. Received: no parts")
    header, buffers = parts[0], list(parts[1:])
    if len(header) > MAX_HEADER_BYTES:
        raise ProtocolError(
            f"a header must have at most {MAX_HEADER_BYTES} bytes. Received: {len(header)}"
        )
    if any(len(part) > MAX_PART_BYTES for part in buffers):
        raise ProtocolError(f"a part must have at most {MAX_PART_BYTES} bytes")
    try:
        content = msgpack.unpackb(header, use_list=False)
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise ProtocolError(f"a header must be one msgpack map: {error}") from error
    if not isinstance(content, dict):
        raise ProtocolError(f"a header must be a map. Received: {type(content).__name__}")
    version, kind = content.pop("v", None), content.pop("type", None)
    if version != VERSION:
        raise ProtocolError(f"the version must be {VERSION}. Received: {version!r:.40}")
    if not isinstance(kind, str) or kind not in TYPES:
        raise ProtocolError(f"the type must be a known one. Received: {kind!r:.40}")
    try:
        message = _adapter(TYPES[kind]).validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise ProtocolError(f"{kind}.{where}: {first['msg']}") from error
    _check_buffers(message, buffers)
    return message, buffers


def expect(message: object, cls: type[M]) -> M:
    """The message, if it is of this type. Raises ProtocolError otherwise."""
    if not isinstance(message, cls):
        raise ProtocolError(f"expected {cls.__name__}. Received: {type(message).__name__}")
    return message


def _check_buffers(message: Any, buffers: Sequence[bytes | memoryview]) -> None:
    match message:
        case CropMessage():
            wanted = [[CROP_BYTES]]
        case Batch():
            wanted = [[CROP_BYTES] * message.count]
        case BatchDone():
            wanted = [[EMBEDDING_BYTES * message.count]]
        case Embeddings():
            wanted = [[EMBEDDING_BYTES * len(message.crops)]]
        case Tracks() | FrameEvent():
            wanted = [[], [len(buffers[0])]] if buffers else [[]]
        case _:
            wanted = [[]]
    received = [len(part) for part in buffers]
    if received not in wanted:
        raise ProtocolError(
            f"{type(message).__name__}: its parts must be of {wanted[0][:4]} bytes. "
            f"Received: {received[:4]}"
        )


@cache
def _adapter(cls: type) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def _plain(value: Any) -> Any:
    # dataclasses.asdict copies deeply and is several times slower.
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
