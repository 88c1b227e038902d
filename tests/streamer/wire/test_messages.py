import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.errors import ProtocolError
from streamer.wire.messages import (
    CROP_BYTES,
    MAX_HEADER_BYTES,
    TYPES,
    Batch,
    BatchDone,
    CropInfo,
    CropMessage,
    Embeddings,
    FrameEvent,
    GalleryEvent,
    IdentityEvent,
    SeenTrack,
    Stats,
    TrackFeedback,
    Tracks,
    WorkerReady,
    decode,
    encode,
    expect,
)
from streamer.wire.timestamps import timestamp_now

INFO = CropInfo("door", 3, 17, timestamp_now(), 123.4, (10, -5, 80, 80), 0.7)
VECTOR = np.ones(128, "<f4").tobytes()
MESSAGES = [
    (CropMessage(INFO), [bytes(CROP_BYTES)]),
    (WorkerReady("embed-1", 32, "abc"), []),
    (Batch(0, 0), []),
    (Batch(4, 2), [bytes(CROP_BYTES)] * 2),
    (BatchDone("embed-1", 4, 1, "abc", 0.25), [VECTOR]),
    (Embeddings((INFO,), "abc"), [VECTOR]),
    (Tracks("door", 1, timestamp_now(), 0.0, (640, 480), (), ()), []),
    (Tracks("door", 1, timestamp_now(), 0.0, (9, 9), (SeenTrack(1, (0, 0, 1, 1), True),)
            , (4,)), [b"j"]),
    (Stats("capture", "door", "x", "now", (), {"frames": 30.0}, 1.5), []),
    (TrackFeedback("door", 3, 17, True), []),
    (
        IdentityEvent(
            "enter", "door", 3, None, "unknown-1", 0.9, 0.3, (1, 2, 3, 4),
            "t", 1.0, 2.0, 17, 1, "w", "g",
        ),
        [],
    ),
    (GalleryEvent("000001", ("Zoë", "李"), "abc"), []),
    (FrameEvent("door", 1, "t", 3.0, (640, 480)), [b"jpeg"]),
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
        ([header(v=2), CROP], "version must be 1"),
        ([header(v=True + 1), CROP], "version"),
        ([header(type="__class__"), CROP], "type"),
        ([header(type=["CropMessage"]), CROP], "type"),
        ([header(type="TrackFeedback"), CROP], "TrackFeedback"),
        ([header(more=1, info={}), CROP], "CropMessage"),
        ([header()], "parts"),
        ([header(), CROP[1:]], "parts"),
        ([header(), CROP, CROP], "parts"),
        ([header(info={"camera": "x" * 1000}), CROP], "camera"),
        ([msgpack.packb({"v": 1, "type": "Batch", "batch": 1, "count": 10**6})], "count"),
        ([msgpack.packb({"v": 1, "type": "Batch", "batch": -1, "count": 1}), CROP], "batch"),
        (
            [
                msgpack.packb(
                    {"v": 1, "type": "Stats", "role": "capture", "name": "a", "instance": "b",
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
    assert expect(TrackFeedback("door"), TrackFeedback) == TrackFeedback("door")
    with pytest.raises(ProtocolError, match=r"expected Batch\. Received: TrackFeedback"):
        expect(TrackFeedback("door"), Batch)
