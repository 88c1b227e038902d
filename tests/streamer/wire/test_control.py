"""Requests and answers of the control socket: what goes in comes out, and nothing else."""

from dataclasses import fields, replace
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.errors import ProtocolError
from streamer.wire import control as wire
from streamer.wire.codec import decode, encode
from streamer.wire.control import ANSWERS, REQUESTS

ROW = wire.VersionRow(version="000002", in_use=True, named_rightly=0.5, parent="000001")
ALIKE: dict[str, Any] = {"person": "Zoë", "force": True}
EXAMPLES: list[tuple[object, list[bytes]]] = [
    (
        wire.EnrolPictures(
            id="a", pictures=(wire.Picture("a.jpg", 3), wire.Picture("b", 1)), **ALIKE
        ),
        [b"abc", b"d"],
    ),
    (wire.EnrolPaths(id="a", paths=("/photos",), **ALIKE), []),
    (wire.EnrolFolder(id="a", folder="/people", force=True), []),
    (wire.EnrolTrack(id="a", camera="door", track="e-1", **ALIKE), []),
    (wire.NameStranger(id="a", stranger="unknown-1", **ALIKE), []),
    (wire.Rename(id="a", wait_ms=5, person="Zoe", name="Zoë"), []),
    (wire.Merge(id="a", person="Zoe", into="Zoë"), []),
    (wire.Forget(id="a", person="Zoë"), []),
    (wire.NotHer(id="a", person="Zoë", event="e-1"), []),
    (wire.Ignore(id="a", who="unknown-1", undo=True), []),
    (wire.Activate(id="a", version="7"), []),
    (wire.Rollback(id="a"), []),
    (wire.SetConsent(id="a", person="Zoë", consent=None, expires_utc="2030-01-01"), []),
    (wire.SetAside(id="a", person="Zoë", crops=("3f9a1c77e0b2",)), []),
    (wire.PutBack(id="a", person="Zoë", crops=("3f9a1c", "77e0b2")), []),
    (wire.Rebuild(id="a"), []),
    (wire.Export(id="a", person="Zoë"), []),
    (wire.ResultWanted(id="b", job="a", offset=2**40), []),
    (wire.JobWanted(id="b", job="a", seen=3, wait_ms=10), []),
    (wire.CancelJob(id="b", job="a"), []),
    (wire.JobsWanted(id="b"), []),
    (wire.PeopleWanted(id="b", offset=100), []),
    (wire.VersionsWanted(id="b"), []),
    (wire.DiffWanted(id="b", old="1", new="2"), []),
    (wire.IgnoredWanted(id="b"), []),
    (wire.CropsWanted(id="b", person="Zoë", offset=50), []),
    (wire.Search(id="b", picture=wire.Picture("a.jpg", 3), wait_ms=5), [b"abc"]),
    (wire.CropPictureWanted(id="b", person="Zoë", crop="3f9a1c", format="png"), []),
]
JOB: dict[str, Any] = {
    "job": "a",
    "kind": "Rename",
    "person": "Zoë",
    "state": "done",
    "created_utc": "t",
}
CROP = wire.CropRow(
    crop="3f9a1c77e0b2", kept=True, source="a.jpg", verdict="wrong", named="Zoe", likeness=0.5,
    other="Zoe", other_likeness=-0.5, vouched=True,
)  # fmt: skip
PARTS: list[tuple[object, list[bytes]]] = [
    (wire.CropPicture(id="a", crop="3f9a1c", format="png", size=3), [b"png"]),
    (wire.ResultPart(id="a", job="b", offset=4, total=7, size=3), [b"zip"]),
]
ANSWERED: list[object] = [
    wire.Job(id="a", revision=3, lines=("done",), **JOB),
    wire.Jobs(id="a", jobs=(wire.JobRow(**JOB),)),
    wire.People(
        id="a", version="000002", total=1,
        people=(wire.PersonRow(name="Zoë", crops=2, set_aside=0, consent=None, expires_utc=None),),
    ),
    wire.Crops(id="a", version="000002", total=1, crops=(CROP,)),
    wire.Found(
        id="a",
        faces=(
            wire.FoundFace(
                box_xywh=(-1, 2, 30, 30), identity=None, probability=0.5,
                matches=(
                    wire.Match(
                        who="unknown-1", stranger=True, likeness=0.5, different_people_nearer=0.25,
                        visits=2, seen_utc=None,
                    ),
                ),
            ),
        ),
    ),
    wire.Versions(id="a", total=1, versions=(ROW,)),
    wire.Diff(id="a", old=ROW, new=ROW, total=1, crops=(wire.CropCount(name="Zoë", old=0, new=1),)),
    wire.Ignored(id="a", total=1, ignored=("unknown-1",)),
    wire.Refusal(id="?", code="malformed", text="why"),
]  # fmt: skip


def test_what_goes_in_comes_out() -> None:
    for request, parts in EXAMPLES:
        assert decode(encode(request, *parts), REQUESTS) == (request, parts)
    answered: list[tuple[object, list[bytes]]] = [(answer, []) for answer in ANSWERED] + PARTS
    for answer, parts in answered:
        assert decode(encode(answer, *parts), ANSWERS) == (answer, parts)
    assert {type(request).__name__ for request, _ in EXAMPLES} == set(REQUESTS)
    assert {type(answer).__name__ for answer, _ in answered} == set(ANSWERS)


def header(**changes: object) -> bytes:
    plain = msgpack.unpackb(encode(EXAMPLES[0][0])[0])
    return bytes(msgpack.packb({**plain, **changes}))


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([header()], "parts must be of"),
        ([header(), b"abc", b"de"], "parts must be of"),
        ([header(pictures=[["a", 0]]), b""], "pictures"),
        ([header(pictures=[{"name": "a", "size": 2**40}]), b""], "pictures"),
        ([header(pictures=[{"name": "a", "size": 1}] * 65), *[b"a"] * 65], "pictures"),
        ([header(person="")], "person"),
        ([header(id="../../etc")], "id"),
        ([header(id="a" * 65)], "id"),
        ([header(type="Job")], "type"),
        ([header(v=1)], "version"),
        ([msgpack.packb({"v": 2, "type": "JobWanted", "id": "a", "job": "/"})], "job"),
        ([msgpack.packb({"v": 2, "type": "Activate", "id": "a", "version": "../1"})], "version"),
    ],
)
def test_what_does_not_fit_is_a_protocol_error(parts: list[bytes], why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        decode(parts, REQUESTS)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(EXAMPLES), st.data())
def test_a_damaged_request_is_right_or_a_protocol_error(
    example: tuple[object, list[bytes]], data: st.DataObject
) -> None:
    request, parts = example
    plain = msgpack.unpackb(encode(request)[0])
    noise = st.none() | st.integers(-(2**63), 2**63) | st.floats() | st.text() | st.binary()
    plain[data.draw(st.sampled_from(sorted(plain)))] = data.draw(noise)
    try:
        decoded, _ = decode([msgpack.packb(plain), *parts], REQUESTS)
    except ProtocolError:
        return
    assert {each.name for each in fields(decoded)} >= {"id"}


def test_the_largest_answers_fit_into_a_header() -> None:
    letter = "\U0001f600"
    row = wire.PersonRow(
        name=letter * 64, crops=2**60, set_aside=2**60, consent=letter * wire.MAX_CONSENT,
        expires_utc="2" * 30,
    )  # fmt: skip
    people = wire.People(id="a" * 64, version="0" * 12, total=2**60, people=(row,) * wire.MAX_ROWS)
    assert decode(encode(people), ANSWERS)[0] == people
    crop = replace(
        CROP, source=letter * wire.MAX_SOURCE, named=letter * 128, other=letter * 128,
        reason=letter * 300, since_utc="2" * 30,
    )  # fmt: skip
    crops = wire.Crops(id="a", version="0", total=2**60, crops=(crop,) * wire.MAX_CROP_ROWS)
    assert decode(encode(crops), ANSWERS)[0] == crops
    lines = (("x" + letter) * 512,) * wire.MAX_LINES
    job = wire.Job(**{**JOB, "id": "a", "revision": 2**60, "lines": lines, "warnings": lines[:10]})
    assert decode(encode(job), ANSWERS)[0] == job
