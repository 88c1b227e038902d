from dataclasses import replace

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.errors import ProtocolError
from streamer.wire.codec import MAX_HEADER_BYTES, decode, encode, expect
from streamer.wire.messages import (
    CROP_BYTES,
    TYPES,
    Batch,
    BatchDone,
    CorrectionEvent,
    CropInfo,
    CropMessage,
    Embeddings,
    ExpiryEvent,
    FaceInPicture,
    FrameEvent,
    FrameOffer,
    FramesWanted,
    GalleryEvent,
    IdentityEvent,
    KeptCrop,
    PauseEvent,
    PlainFrameEvent,
    PresenceEvent,
    PresentTrack,
    SeenTrack,
    Stats,
    TrackFeedback,
    Tracks,
    WorkerReady,
)
from streamer.wire.timestamps import timestamp_now

INFO = CropInfo(
    camera="door", epoch="e", track=3, sequence=17, captured=timestamp_now(), media_ms=123.4,
    box_xywh=(10, -5, 80, 80), quality=0.7,
)  # fmt: skip
SEEN = (SeenTrack(1, (0, 0, 1, 1), True),)
FEEDBACK = TrackFeedback(camera="door", epoch="e", track=3, sequence=17, certain=True)
OFFER = FrameOffer(
    camera="door", epoch="e", sequence=1, captured=timestamp_now(), frame_wh=(640, 480),
    tracks=SEEN, slot=0, generation=2,
)  # fmt: skip
STATS = Stats(
    role="capture", name="door", epoch="x", sent_utc="now", stages=(), rates={"frames": 30.0},
    cpu_s=1.5,
)  # fmt: skip
EVENT = IdentityEvent(
    event="enter", id="i", camera="door", track="e-3", identity=None, stranger="unknown-1",
    probability=0.9, squared_distance=0.3, box_xywh=(1, 2, 3, 4), captured_utc="t", media_ms=1.0,
    age_ms=2.0, sequence=17, epoch="e", number=1, weights="w", gallery="g",
)  # fmt: skip
PRESENT = PresentTrack(
    track="e-3", identity="Zoë", stranger=None, probability=0.5, box_xywh=(1, 2, 3, 4),
    entered_utc="t",
)  # fmt: skip
VECTOR = np.ones(128, "<f4").tobytes()
MESSAGES = [
    (CropMessage(INFO), [bytes(CROP_BYTES)]),
    (WorkerReady("embed-1", 32, "abc"), []),
    (Batch(0, 0), []),
    (Batch(4, 2), [bytes(CROP_BYTES)] * 2),
    (BatchDone("embed-1", 4, 1, "abc"), [VECTOR]),
    (Embeddings((INFO,), "abc"), [VECTOR]),
    (KeptCrop(INFO, "abc"), [bytes(CROP_BYTES), VECTOR]),
    (
        Tracks(
            camera="door", epoch="e", sequence=1, captured=timestamp_now(), media_ms=0.0,
            tracks=SEEN,
        ),
        [],
    ),
    (OFFER, []),
    (replace(OFFER, slot=None, generation=None), [b"jpeg"]),
    (FramesWanted("door", True), []),
    (STATS, []),
    (FEEDBACK, []),
    (EVENT, []),
    (PresenceEvent("door", "e", (PRESENT,)), []),
    (
        GalleryEvent(
            version="000001", fingerprint="f", weights="abc", people=2, names=("Zoë", "李")
        ),
        [],
    ),
    (
        CorrectionEvent(
            correction="name", id=1, before="unknown-7", identity="Zoë", track=None, made_utc="t"
        ),
        [],
    ),
    (ExpiryEvent(expiry="soon", person="Zoë", expires_utc="t"), []),
    (PauseEvent("door", True), []),
    (
        FrameEvent(
            camera="door", epoch="e", sequence=1, captured_utc="t", age_ms=3.0,
            frame_wh=(640, 480),
        ),
        [b"jpeg"],
    ),
    (
        PlainFrameEvent(
            camera="door", epoch="e", sequence=1, captured_utc="t", age_ms=3.0, width=640,
            frame_wh=(640, 480),
            faces=(
                FaceInPicture(
                    track="e-1", box_xywh=(1, 2, 3, 4), identity="Zoë", stranger=None,
                    probability=None,
                ),
            ),
        ),
        [b"jpeg"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("message", "buffers"), MESSAGES)
def test_what_goes_in_comes_out(message: object, buffers: list[bytes]) -> None:
    assert decode(encode(message, *buffers)) == (message, buffers)


def test_every_type_is_tried() -> None:
    assert {type(message).__name__ for message, _ in MESSAGES} == set(TYPES)


def header(**changes: object) -> bytes:
    plain = msgpack.unpackb(encode(CropMessage(INFO))[0])
    return bytes(msgpack.packb({**plain, **changes}))


CROP = bytes(CROP_BYTES)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([], "no parts"),
        ([b""], "msgpack"),
        ([b"\xc1"], "msgpack"),
        ([b"\x93" * 5000], "msgpack|map"),
        ([msgpack.packb([1, 2])], "map"),
        ([msgpack.packb({1: 2})], "map key"),
        ([b"\x80" + b"\0" * MAX_HEADER_BYTES], "at most"),
        ([header(v=1), CROP], "version must be 2"),
        ([header(v=True), CROP], "version"),
        ([header(type="__class__"), CROP], "type"),
        ([header(type=["CropMessage"]), CROP], "type"),
        ([header(type="TrackFeedback"), CROP], "TrackFeedback"),
        ([header(more=1, info={}), CROP], "CropMessage"),
        ([header()], "parts"),
        ([header(), CROP[1:]], "parts"),
        ([header(), CROP, CROP], "parts"),
        ([header(info={"camera": "x" * 1000}), CROP], "camera"),
        ([msgpack.packb({"v": 2, "type": "Batch", "batch": 1, "count": 10**6})], "count"),
        ([msgpack.packb({"v": 2, "type": "Batch", "batch": -1, "count": 1}), CROP], "batch"),
        (
            [
                msgpack.packb(
                    {"v": 2, "type": "Stats", "role": "capture", "name": "a", "epoch": "b",
                     "sent_utc": "c", "stages": [], "rates": {"x": float("nan")}, "cpu_s": 0.0}
                )
            ],
            "rates",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_a_protocol_error(parts: list[bytes], why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        decode(parts)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=4))
def test_noise_is_a_protocol_error(parts: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        decode(parts)


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.text()
    | st.binary(),
    lambda leaves: st.lists(leaves, max_size=4) | st.dictionaries(st.text(), leaves, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(MESSAGES), st.data())
def test_a_damaged_message_is_right_or_a_protocol_error(
    example: tuple[object, list[bytes]], data: st.DataObject
) -> None:
    message, buffers = example
    plain = msgpack.unpackb(encode(message)[0])
    plain[data.draw(st.sampled_from(sorted(plain)))] = data.draw(TREES)
    try:
        decoded, _ = decode([msgpack.packb(plain), *buffers])
    except ProtocolError:
        return
    assert type(decoded).__name__ in TYPES


def test_expect_names_both_types() -> None:
    assert expect(FEEDBACK, TrackFeedback) == FEEDBACK
    with pytest.raises(ProtocolError, match=r"expected Batch\. Received: TrackFeedback"):
        expect(FEEDBACK, Batch)
