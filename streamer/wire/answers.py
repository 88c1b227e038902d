"""Answers of the control socket but for jobs: people, crops, versions; and refusals."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from streamer.wire.changes import MAX_CONSENT, CropId, RequestId
from streamer.wire.job import MAX_ROWS, Line
from streamer.wire.messages import Count, Name, Text, Unit, WireBox

MAX_CROP_ROWS = 50
MAX_SOURCE = 255
MAX_CROP_BYTES = 128 * 1024
MAX_FACES = 4
MAX_MATCHES = 10

Verdict = Literal["right", "nobody", "wrong", "untried"]
Likeness = Annotated[float, Field(ge=-1, le=1)]


@dataclass(frozen=True, kw_only=True)
class PersonRow:
    """Somebody enrolled: crops, how many are set aside, what was agreed to and until when.

    named_rightly: the share of the crops that got the name when held out; nil where none was tried.
    crop: the id of one that is kept, to show.
    """

    name: Name
    crops: Count
    set_aside: Count
    consent: Annotated[str, Field(max_length=MAX_CONSENT)] | None
    expires_utc: Name | None
    named_rightly: Unit | None = None
    crop: Name = ""


@dataclass(frozen=True, kw_only=True)
class People:
    """The answer to `PeopleWanted`; `total` rows there are."""

    id: RequestId
    version: Name
    total: Count
    people: Annotated[tuple[PersonRow, ...], Field(max_length=MAX_ROWS)]


@dataclass(frozen=True, kw_only=True)
class CropRow:
    """A crop of somebody: kept, or set aside, for `reason`, since `since_utc`.

    crop: its id. source: the end of where it came from. verdict: whom the others would take it
    for: `right`, `nobody`, or `wrong`, and then `named`; `untried` where that is not known.
    likeness: to the most alike of the person's other crops, as cosine; other_likeness: of
    `other`'s. vouched: somebody said that it is this person.
    """

    crop: CropId
    kept: bool
    source: Annotated[str, Field(max_length=MAX_SOURCE)]
    verdict: Verdict = "untried"
    named: Name = ""
    likeness: Likeness | None = None
    other: Name = ""
    other_likeness: Likeness | None = None
    vouched: bool = False
    reason: Text = ""
    since_utc: Name = ""


@dataclass(frozen=True, kw_only=True)
class Crops:
    """The answer to `CropsWanted`; `total` rows there are."""

    id: RequestId
    version: Name
    total: Count
    crops: Annotated[tuple[CropRow, ...], Field(max_length=MAX_CROP_ROWS)]


@dataclass(frozen=True, kw_only=True)
class CropPicture:
    """The answer to `CropPictureWanted`. Part 1: `size` bytes of a picture."""

    id: RequestId
    crop: CropId
    format: Literal["jpeg", "png"]
    size: Annotated[int, Field(ge=1, le=MAX_CROP_BYTES)]

    @property
    def part_sizes(self) -> list[int]:
        """Bytes of the part."""
        return [self.size]


@dataclass(frozen=True, kw_only=True)
class VersionRow:
    """A version of the gallery. fault: why it cannot be used; the rest is empty then.

    named_rightly: the share of held-out crops that got their name; nil where none were tried.
    """

    version: Name
    in_use: bool
    created_utc: Name = ""
    people: Count = 0
    crops: Count = 0
    weights: Name = ""
    fingerprint: Name = ""
    named_rightly: Unit | None = None
    parent: Name | None = None
    fault: Text = ""


@dataclass(frozen=True, kw_only=True)
class Versions:
    """The answer to `VersionsWanted`; `total` rows there are."""

    id: RequestId
    total: Count
    versions: Annotated[tuple[VersionRow, ...], Field(max_length=MAX_ROWS)]


@dataclass(frozen=True, kw_only=True)
class CropCount:
    """Crops of a person in two versions."""

    name: Name
    old: Count
    new: Count


@dataclass(frozen=True, kw_only=True)
class Diff:
    """The answer to `DiffWanted`: both versions, and whose crops differ in number.

    `total` people there are; the first of them are in `crops`.
    """

    id: RequestId
    old: VersionRow
    new: VersionRow
    total: Count
    crops: Annotated[tuple[CropCount, ...], Field(max_length=MAX_ROWS)]


@dataclass(frozen=True, kw_only=True)
class Ignored:
    """The answer to `IgnoredWanted`: names and strangers' ids; `total` rows there are."""

    id: RequestId
    total: Count
    ignored: Annotated[tuple[Name, ...], Field(max_length=MAX_ROWS)]


@dataclass(frozen=True, kw_only=True)
class Match:
    """Somebody who may be a face in a picture: enrolled, or a stranger who is kept.

    likeness: to the person's most alike crop, or to the stranger's mean, as cosine.
    different_people_nearer: the share of pairs of different people who are more alike.
    """

    who: Name
    stranger: bool
    likeness: Likeness
    different_people_nearer: Unit
    visits: Count
    seen_utc: Name | None


@dataclass(frozen=True, kw_only=True)
class FoundFace:
    """A face in a picture. identity: as live video would name it from this alone, or nil."""

    box_xywh: WireBox
    identity: Name | None
    probability: Unit
    matches: Annotated[tuple[Match, ...], Field(max_length=MAX_MATCHES)]


@dataclass(frozen=True, kw_only=True)
class Found:
    """The answer to `Search`: the largest faces, and who is most like each, the likeliest first."""

    id: RequestId
    faces: Annotated[tuple[FoundFace, ...], Field(max_length=MAX_FACES)]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The answer to a request that cannot be served.

    code: `malformed`: it is no request; `refused`: it asks for what cannot be; `unknown`: there
    is no such job; `busy`: too much is waiting, ask again later. id: "?" where it had none.
    """

    id: Name
    code: Literal["malformed", "refused", "unknown", "busy"]
    text: Line
