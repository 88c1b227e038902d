"""Every table of messages is fed noise and real messages that were tampered with, at any depth.

Whatever comes in, a message of the table comes out, or a ProtocolError of one short line; and what
is held in memory meanwhile is a small multiple of what came in.
"""

import tracemalloc
from collections.abc import Sequence
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.errors import ProtocolError
from streamer.wire import asked
from streamer.wire.asked import ANSWERED as ASKED_ANSWERS
from streamer.wire.asked import ASKED
from streamer.wire.codec import MAX_HEADER_BYTES, decode, encode
from streamer.wire.control import ANSWERS, REQUESTS
from streamer.wire.messages import CROP_BYTES, EMBEDDING_BYTES, TYPES, VERSION, KeptCrop
from tests.streamer.wire.test_control import ANSWERED, EXAMPLES, PARTS
from tests.streamer.wire.test_messages import INFO, MESSAGES

Parts = Sequence[bytes]
Example = tuple[object, list[bytes]]
TO_DISPATCH: list[Example] = [
    (asked.EmbedCrops(1, 2), [bytes(CROP_BYTES)] * 2),
    (asked.WatchTrack("door", "e", 3, 1.5), []),
    (asked.DropLooks(4), []),
]
FROM_DISPATCH: list[Example] = [
    (asked.EmbeddedCrops(1, 2, "abc"), [bytes(2 * EMBEDDING_BYTES)]),
    (asked.EmbedRefused(1, "no worker"), []),
    (KeptCrop(INFO, "abc"), [bytes(CROP_BYTES), bytes(EMBEDDING_BYTES)]),
    (asked.LooksDropped(4), []),
]
TABLES: dict[str, tuple[dict[str, type], list[Example]]] = {
    "events, ingest, work, pictures": (TYPES, [(m, list(parts)) for m, parts in MESSAGES]),
    "control, requests": (REQUESTS, EXAMPLES),
    "control, answers": (ANSWERS, [(answer, list[bytes]()) for answer in ANSWERED] + PARTS),
    "asked": (ASKED, TO_DISPATCH),
    "asked, answers": (ASKED_ANSWERS, FROM_DISPATCH),
}
MAX_FAULT = 1000
MOST_MEMORY = 100 * MAX_HEADER_BYTES


def survives(parts: Parts, types: dict[str, type]) -> None:
    try:
        message, buffers = decode(parts, types)
    except ProtocolError as error:
        assert len(str(error)) <= MAX_FAULT, "it goes into the log"
        return
    assert type(message) in types.values()
    assert len(buffers) == len(parts) - 1
    assert decode(encode(message, *buffers), types) == (message, buffers)


def test_every_type_of_every_table_is_tampered_with() -> None:
    for types, examples in TABLES.values():
        assert {type(message).__name__ for message, _ in examples} == set(types)


def examples_of_all() -> st.SearchStrategy[tuple[dict[str, type], Example]]:
    return st.sampled_from(
        [(types, example) for types, examples in TABLES.values() for example in examples]
    )


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([types for types, _ in TABLES.values()]), st.lists(st.binary(), max_size=4))
def test_noise(types: dict[str, type], parts: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        decode(parts, types)


@settings(max_examples=200, deadline=None)
@given(examples_of_all(), st.data())
def test_bytes_that_were_changed_cut_off_doubled_or_mixed(
    example: tuple[dict[str, type], Example], data: st.DataObject
) -> None:
    types, (message, buffers) = example
    header = bytearray(encode(message)[0])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(header)))
        length = data.draw(st.integers(0, 8))
        header[at : at + length] = data.draw(st.binary(max_size=8) | st.just(bytes(header[:at])))
    parts = [bytes(header), *buffers]
    order = data.draw(st.lists(st.integers(0, len(parts) - 1), max_size=5) | st.none())
    survives(parts if order is None else [parts[index] for index in order], types)


HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.sampled_from(["x" * 10_000, "\0", "\n", "../..", b"\xff" * 3, 2**64 - 1, [[]] * 3000]),
    st.builds(lambda depth: _nested(depth), st.integers(1, 400)),
    st.lists(st.integers() | st.text(max_size=3), max_size=3).filter(
        lambda each: all(not isinstance(i, int) or -(2**63) <= i < 2**64 for i in each)
    ),
    st.dictionaries(st.text(max_size=3), st.floats() | st.text(max_size=3), max_size=3),
    st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=4)),
)


def _nested(depth: int) -> list[Any]:
    tree: list[Any] = []
    for _ in range(depth):
        tree = [tree]
    return tree


def _tampered(tree: Any, data: st.DataObject) -> Any:
    """Put something hostile in the place of one value, however deep, or take or add a key."""
    inner = isinstance(tree, dict | list) and len(tree) > 0
    if not inner or data.draw(st.integers(0, 3)) == 0:
        return data.draw(HOSTILE)
    if isinstance(tree, list):
        at = data.draw(st.integers(0, len(tree) - 1))
        return [*tree[:at], _tampered(tree[at], data), *tree[at + 1 :]]
    key = data.draw(st.sampled_from(sorted(tree)))
    match data.draw(st.integers(0, 9)):
        case 0:
            return {name: value for name, value in tree.items() if name != key}
        case 1:
            return {**tree, data.draw(st.text(max_size=5) | st.just("k" * 9000)): 1}
    return {**tree, key: _tampered(tree[key], data)}


@settings(max_examples=250, deadline=None)
@given(examples_of_all(), st.data())
def test_values_that_are_not_what_they_must_be(
    example: tuple[dict[str, type], Example], data: st.DataObject
) -> None:
    types, (message, buffers) = example
    tree = msgpack.unpackb(encode(message)[0])
    survives([msgpack.packb(_tampered(tree, data)), *buffers], types)


def _of(kind: str, **more: object) -> bytes:
    return bytes(msgpack.packb({"v": VERSION, "type": kind, **more}))


COSTLY = {
    "a claim of four billion": b"\xdd\xff\xff\xff\xff",
    "a map of four billion": b"\xdf\xff\xff\xff\xff",
    "a text of four gigabytes": b"\xdb\xff\xff\xff\xff",
    "lists in lists": b"\x91" * MAX_HEADER_BYTES,
    "empty lists": b"\xdd" + (MAX_HEADER_BYTES - 5).to_bytes(4, "big") + b"\x90" * (2**18 - 5),
    "empty maps": b"\xdd" + (MAX_HEADER_BYTES - 5).to_bytes(4, "big") + b"\x80" * (2**18 - 5),
    "too many rates": _of("Stats", rates={f"{n:x}": 0.5 for n in range(18_000)}, stages=[]),
    "a rate of a long name": _of("Stats", rates={"x" * 200_000: "x"}),
    "too many tracks": _of("Tracks", tracks=[[1, [0, 0, 1, 1], True]] * 30_000),
    "too many pictures": _of("EnrolPictures", id="a", pictures=[["a", 1]] * 50_000),
    "a batch of all crops": _of("Batch", batch=1, count=2**62),
    "a part of all bytes": _of("ResultPart", id="a", job="b", offset=0, total=1, size=2**62),
    "too many faults": _of("Found", id="a", faces=[{}] * 100_000),
    "many faults in few": _of("Found", id="a", faces=[{"matches": [{}] * 900}] * 250),
    "nearly too many": _of("Embeddings", crops=[{}] * 2040, fingerprint="a"),
    "values in the place of maps": _of("Found", id="a", faces=[{"matches": [1] * 1000}] * 200),
}


@pytest.mark.parametrize("header", COSTLY.values(), ids=list(COSTLY))
def test_what_is_made_to_cost_much_costs_little(header: bytes) -> None:
    assert len(header) <= MAX_HEADER_BYTES
    for types, _ in TABLES.values():
        with pytest.raises(ProtocolError):
            decode([header[:-1]], types)
        tracemalloc.start()
        try:
            with pytest.raises(ProtocolError) as caught:
                decode([header], types)
            assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
        finally:
            tracemalloc.stop()
        assert len(str(caught.value)) <= MAX_FAULT
