"""Every message on the wire: a frozen dataclass whose fields say what is allowed.

`streamer.wire.codec` encodes a message as a msgpack map with `v` (the version), `type` and the
fields; pixels and vectors follow as parts of their own. `docs/protocol.md` describes the
published ones.

Every run of a process has an `epoch` (`streamer.wire.epochs`). A capture process numbers its
tracks from 1 within its epoch, so (camera, epoch, track) never means two faces.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from streamer.constants import CROP_SIZE, EMBEDDING_SIZE
from streamer.wire.counters import StageCount
from streamer.wire.latencies import LatencyCount
from streamer.wire.timestamps import Timestamp

VERSION = 2
MAX_TRACKS = 256
MAX_BATCH = 256
MAX_NAMES = 500
MAX_TEXT = 512
MAX_LATENCIES = 160
CROP_BYTES = CROP_SIZE * CROP_SIZE * 3
EMBEDDING_BYTES = EMBEDDING_SIZE * 4

Text = Annotated[str, Field(max_length=MAX_TEXT)]
Name = Annotated[str, Field(max_length=128)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Real = Annotated[float, Field(allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Unit = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=1, le=2**15)]
WireBox = tuple[
    Annotated[int, Field(ge=-(2**20), le=2**20)],
    Annotated[int, Field(ge=-(2**20), le=2**20)],
    Annotated[int, Field(ge=0, le=2**20)],
    Annotated[int, Field(ge=0, le=2**20)],
]
Role = Literal[
    "capture", "dispatch", "embed", "identify", "view", "history", "control", "web", "mqtt",
    "webhooks",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CropInfo:
    """Where a crop comes from. `quality` in [0, 1] weighs its vote.

    `lossless`: of a recording that waits for its answers, so that it is never too old.
    """

    camera: Name
    epoch: Name
    track: Count
    sequence: Count
    captured: Timestamp
    media_ms: Real
    box_xywh: WireBox
    quality: Unit
    lossless: bool = False


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


@dataclass(frozen=True)
class Embeddings:
    """Dispatch to identify. Part 1: as many x 128 float32 as there are crops."""

    crops: Annotated[tuple[CropInfo, ...], Field(min_length=1, max_length=MAX_BATCH)]
    fingerprint: Name


@dataclass(frozen=True)
class KeptCrop:
    """Dispatch to history, where crops may be kept. Part 1: the crop; part 2: its 128 float32."""

    info: CropInfo
    fingerprint: Name


@dataclass(frozen=True)
class SeenTrack:
    """One live track; `found` is False while it is only predicted."""

    track: Count
    box_xywh: WireBox
    found: bool


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """Capture to identify, for every processed frame, and repeated while no frame comes.

    A snapshot: `tracks` are all live tracks of the camera. One that is missing has ended, so no
    lost message leaves anybody behind.
    """

    camera: Name
    epoch: Name
    sequence: Count
    captured: Timestamp
    media_ms: Real
    tracks: Annotated[tuple[SeenTrack, ...], Field(max_length=MAX_TRACKS)]


@dataclass(frozen=True, kw_only=True)
class FrameOffer:
    """Capture to view, while somebody watches: a frame's tracks and where its pixels are.

    `slot` and `generation` name the picture in the camera's shared frames; or part 1 holds it
    as a JPEG. Boxes are in pixels of the frame, whose size is `frame_wh`; the picture may be
    smaller.
    """

    camera: Name
    epoch: Name
    sequence: Count
    captured: Timestamp
    frame_wh: tuple[Side, Side]
    tracks: Annotated[tuple[SeenTrack, ...], Field(max_length=MAX_TRACKS)]
    slot: Annotated[int, Field(ge=0, le=64)] | None = None
    generation: Count | None = None


@dataclass(frozen=True)
class FramesWanted:
    """View to capture, published on `wanted/<camera>`: whether anybody watches the camera."""

    camera: Name
    wanted: bool


@dataclass(frozen=True, kw_only=True)
class TrackFeedback:
    """Identify to capture, published on `feedback/<camera>`: never needed, only useful.

    `sequence` acknowledges the crop of that track; `certain` asks for fewer of them.
    """

    camera: Name
    epoch: Name
    track: Count
    sequence: Count
    certain: bool


@dataclass(frozen=True)
class CameraState:
    """What a camera's source is doing; `detail` is for people and holds no credentials."""

    state: Literal["opening", "running", "stalled", "retrying", "paused", "ended", "stopped"]
    detail: Text = ""


@dataclass(frozen=True, kw_only=True)
class Stats:
    """One process's report, once a second and at its end; published on the topic `stats`.

    epoch: of the process. fault: what keeps it from doing its work, for people; "" if nothing.
    latencies: how long its stages took, by camera.
    """

    role: Role
    name: Name
    epoch: Name
    sent_utc: Name
    stages: Annotated[tuple[StageCount, ...], Field(max_length=16)]
    rates: Annotated[dict[Name, Real], Field(max_length=32)]
    cpu_s: Seconds
    camera_state: CameraState | None = None
    fault: Text = ""
    final: bool = False
    latencies: Annotated[tuple[LatencyCount, ...], Field(max_length=MAX_LATENCIES)] = ()


@dataclass(frozen=True, kw_only=True)
class IdentityEvent:
    """Published on `identity/<camera>`.

    event: `enter` once a track has a decision, `update` with every later crop, `exit` at its end.
    id: of this event; never repeats.
    track: of the face; never repeats, whatever is restarted.
    identity: the enrolled person, or None for a stranger.
    stranger: an id for a stranger, stable for the visit (and beyond, if so configured).
    probability: of the identity; for a stranger, that it is nobody enrolled. In [0, 1].
    squared_distance: of the mean of the face's crops to the nearest candidate's gallery.
    age_ms: capture to publication.
    epoch: of the identify process. With another one, every earlier track has left.
    number: counts a camera's events within the epoch; a gap is what the subscriber was too slow
        for.
    visit: of one person, through all tracks that join up; never repeats.
    joined: the earlier track that this one goes on from, in its `enter`; None otherwise.
    """

    event: Literal["enter", "update", "exit"]
    id: Name
    camera: Name
    track: Name
    identity: Name | None
    stranger: Name | None
    probability: Unit
    squared_distance: Real
    box_xywh: WireBox
    captured_utc: Name
    media_ms: Real
    age_ms: Real
    sequence: Count
    epoch: Name
    number: Count
    weights: Name
    gallery: Name
    visit: Name = ""
    joined: Name | None = None


@dataclass(frozen=True, kw_only=True)
class PresentTrack:
    """One face that is there: who it is since when, and where it was last found."""

    track: Name
    identity: Name | None
    stranger: Name | None
    probability: Unit
    box_xywh: WireBox
    entered_utc: Name
    visit: Name = ""


@dataclass(frozen=True)
class PresenceEvent:
    """Published on `presence/<camera>`, once a second: everybody who has entered and not left.

    A snapshot, so that a subscriber who missed an event, or came late, knows who is there.
    """

    camera: Name
    epoch: Name
    present: Annotated[tuple[PresentTrack, ...], Field(max_length=MAX_TRACKS)]


@dataclass(frozen=True, kw_only=True)
class GalleryEvent:
    """Published on `gallery` when a new version is in use, and every second.

    people: how many are enrolled. names: a part of their names, `part` of `parts` (from 0); at a
    new version all parts come at once, later one every second, in turn.
    """

    version: Name
    fingerprint: Name
    weights: Name
    people: Count
    names: Annotated[tuple[Name, ...], Field(max_length=MAX_NAMES)] = field(default=())
    part: Count = 0
    parts: Annotated[int, Field(ge=1, lt=2**31)] = 1


@dataclass(frozen=True, kw_only=True)
class CorrectionEvent:
    """Published on `correction`: a user says who it was.

    correction: `name`, all of the stranger `before` was `identity`; `not`, the face of `track` was
    not `before`, and nobody says who. id: of this correction; it counts up.
    """

    correction: Literal["name", "not"]
    id: Count
    before: Name
    identity: Name | None
    track: Name | None
    made_utc: Name


@dataclass(frozen=True, kw_only=True)
class ExpiryEvent:
    """Published on `expiry`: somebody will soon be forgotten, as was agreed, or is now.

    expiry: `soon`, once a day, or `forgotten`.
    """

    expiry: Literal["soon", "forgotten"]
    person: Name
    expires_utc: Name


@dataclass(frozen=True)
class PauseEvent:
    """Control to identify, which publishes it on `pause/<camera>`, every second and at a change.

    paused: the camera is to be closed, and nobody seen by it; its capture process hears this.
    """

    camera: Name
    paused: bool


@dataclass(frozen=True, kw_only=True)
class FrameEvent:
    """Published on `frame/<camera>`, on the socket of the pictures. Part 1: a JPEG."""

    camera: Name
    epoch: Name
    sequence: Count
    captured_utc: Name
    age_ms: Real
    frame_wh: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class FaceInPicture:
    """One face of a plain picture, in its pixels; without a decision yet, `probability` is None."""

    track: Name
    box_xywh: WireBox
    identity: Name | None
    stranger: Name | None
    probability: Unit | None


@dataclass(frozen=True, kw_only=True)
class PlainFrameEvent:
    """Published on `plain/<camera>/<width>`, on the socket of the pictures. Part 1: a JPEG.

    Nothing is drawn on the picture: `faces` says where whom to draw. width: of the topic.
    """

    camera: Name
    epoch: Name
    sequence: Count
    captured_utc: Name
    age_ms: Real
    width: Side
    frame_wh: tuple[int, int]
    faces: Annotated[tuple[FaceInPicture, ...], Field(max_length=MAX_TRACKS)]


TYPES: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        CropMessage,
        WorkerReady,
        Batch,
        BatchDone,
        Embeddings,
        KeptCrop,
        Tracks,
        FrameOffer,
        FramesWanted,
        TrackFeedback,
        Stats,
        IdentityEvent,
        PresenceEvent,
        GalleryEvent,
        CorrectionEvent,
        ExpiryEvent,
        PauseEvent,
        FrameEvent,
        PlainFrameEvent,
    )
}
