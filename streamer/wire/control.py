"""Every message of the control socket: what may be asked, and what is answered.

Requests and answers are encoded as all messages are (`streamer.wire.codec`), with types of their
own. A change is answered with the `Job` that makes it; its request's id is the job's, so that a
request that is sent again is not done again. `docs/protocol.md` describes them all.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from streamer.wire.messages import Count, Name, Text, Unit

MAX_PICTURES = 64
MAX_PICTURE_BYTES = 16 * 1024 * 1024
MAX_PICTURES_BYTES = 128 * 1024 * 1024
MAX_PATHS = 64
MAX_PATH = 1024
MAX_WAIT_MS = 30_000
MAX_ROWS = 100
MAX_LINES = 40
MAX_CONSENT = 300
MAX_TRACK_CROPS = 60
MAX_TRACK_S = 60.0

RequestId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Person = Annotated[str, Field(min_length=1, max_length=128)]
Version = Annotated[str, Field(pattern=r"^[0-9]{1,12}$")]
WaitMs = Annotated[int, Field(ge=0, le=MAX_WAIT_MS)]
Line = Annotated[str, Field(max_length=1024)]
State = Literal["queued", "running", "done", "failed", "cancelled", "lost"]
FINISHED: frozenset[State] = frozenset({"done", "failed", "cancelled", "lost"})


@dataclass(frozen=True, kw_only=True)
class Request:
    """`id`: the asker's own; the answer has it, too."""

    id: RequestId


@dataclass(frozen=True, kw_only=True)
class Change(Request):
    """A request that is made by a job of the same id; `wait_ms`: for its end at most so long."""

    wait_ms: WaitMs = 0


@dataclass(frozen=True, kw_only=True)
class Enrolment(Change):
    """Crops of `person`, enrolled or not. `force` and `accept_look_alikes`: as `enrol` has them."""

    person: Person
    force: bool = False
    accept_look_alikes: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture that is sent along: what to call it, and how many bytes its part has."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    size: Annotated[int, Field(ge=1, le=MAX_PICTURE_BYTES)]


@dataclass(frozen=True, kw_only=True)
class EnrolPictures(Enrolment):
    """Enrol somebody from pictures. Parts 1 to n: the files of the pictures, as they are."""

    pictures: Annotated[tuple[Picture, ...], Field(min_length=1, max_length=MAX_PICTURES)]

    @property
    def part_sizes(self) -> list[int]:
        """Bytes of each part."""
        return [picture.size for picture in self.pictures]


@dataclass(frozen=True, kw_only=True)
class EnrolPaths(Enrolment):
    """Enrol somebody from photos, folders and clips that lie on the pipeline's own host."""

    paths: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=MAX_PATH)], ...],
        Field(min_length=1, max_length=MAX_PATHS),
    ]


@dataclass(frozen=True, kw_only=True)
class EnrolTrack(Enrolment):
    """Enrol somebody from a face that is before a camera now, `track` in its events.

    It is looked at for at most `seconds`, and until there are `crops` crops.
    """

    camera: Name
    track: Name
    crops: Annotated[int, Field(ge=1, le=MAX_TRACK_CROPS)] = 12
    seconds: Annotated[float, Field(gt=0, le=MAX_TRACK_S)] = 10.0


@dataclass(frozen=True, kw_only=True)
class NameStranger(Enrolment):
    """Enrol a stranger from what was kept; earlier visits get the name, too."""

    stranger: Name


@dataclass(frozen=True, kw_only=True)
class Rename(Change):
    """Give somebody another name, which nobody has."""

    person: Person
    name: Person


@dataclass(frozen=True, kw_only=True)
class Merge(Change):
    """Say that `person` is `into`, under whose name both go on."""

    person: Person
    into: Person


@dataclass(frozen=True, kw_only=True)
class Forget(Change):
    """Delete all that the data folder holds of somebody."""

    person: Person


@dataclass(frozen=True, kw_only=True)
class NotHer(Change):
    """Say that an event of the history was not `person`."""

    person: Person
    event: Name


@dataclass(frozen=True, kw_only=True)
class Ignore(Change):
    """Have a person or a stranger be in no event; or, with `undo`, in events again."""

    who: Person
    undo: bool = False


@dataclass(frozen=True, kw_only=True)
class Activate(Change):
    """Put a version of the gallery in use."""

    version: Version


@dataclass(frozen=True, kw_only=True)
class Rollback(Change):
    """Put the version before the one in use back in use."""


@dataclass(frozen=True, kw_only=True)
class SetConsent(Change):
    """Note who agreed to `person` being enrolled, and until when; nil deletes what was noted."""

    person: Person
    consent: Annotated[str, Field(max_length=MAX_CONSENT)] | None
    expires_utc: Name | None


@dataclass(frozen=True, kw_only=True)
class JobWanted(Request):
    """How far a job is; answered once its revision is above `seen`, or after `wait_ms`."""

    job: RequestId
    seen: Count = 0
    wait_ms: WaitMs = 0


@dataclass(frozen=True, kw_only=True)
class CancelJob(Request):
    """End a job, which changes nothing then; one that is over stays as it is."""

    job: RequestId


@dataclass(frozen=True, kw_only=True)
class JobsWanted(Request):
    """All jobs that are known, the newest first."""


@dataclass(frozen=True, kw_only=True)
class PeopleWanted(Request):
    """Who is enrolled, by name, from row `offset` on."""

    offset: Count = 0


@dataclass(frozen=True, kw_only=True)
class VersionsWanted(Request):
    """The versions of the gallery, the newest first, from row `offset` on."""

    offset: Count = 0


@dataclass(frozen=True, kw_only=True)
class DiffWanted(Request):
    """What one version has that another has not."""

    old: Version
    new: Version


@dataclass(frozen=True, kw_only=True)
class IgnoredWanted(Request):
    """Who is ignored, from row `offset` on."""

    offset: Count = 0


@dataclass(frozen=True, kw_only=True)
class Job:
    """The answer to a change, and to `JobWanted` and `CancelJob`: how far it is, what became of it.

    done, total: steps, 0 of 0 where there are none to count. doing: what is being done, for people.
    lines, warnings: what there is to say of it, for people. version: of the gallery, that it made
    or put in use. looks_like: whom the pictures look like, where that is why it failed.
    fault: why it failed, was cancelled or lost. revision: counts its changes.
    """

    id: RequestId
    job: RequestId
    kind: Name
    person: Name
    state: State
    created_utc: Name
    revision: Count
    done: Count = 0
    total: Count = 0
    doing: Text = ""
    lines: Annotated[tuple[Line, ...], Field(max_length=MAX_LINES)] = field(default=())
    warnings: Annotated[tuple[Line, ...], Field(max_length=MAX_LINES)] = field(default=())
    version: Name = ""
    looks_like: Name = ""
    fault: Line = ""

    @property
    def finished(self) -> bool:
        """True once nothing will change any more."""
        return self.state in FINISHED


@dataclass(frozen=True, kw_only=True)
class JobRow:
    """A job in a list."""

    job: RequestId
    kind: Name
    person: Name
    state: State
    created_utc: Name


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """The answer to `JobsWanted`."""

    id: RequestId
    jobs: Annotated[tuple[JobRow, ...], Field(max_length=MAX_ROWS)]


@dataclass(frozen=True, kw_only=True)
class PersonRow:
    """Somebody enrolled: crops, how many are set aside, what was agreed to and until when."""

    name: Name
    crops: Count
    set_aside: Count
    consent: Annotated[str, Field(max_length=MAX_CONSENT)] | None
    expires_utc: Name | None


@dataclass(frozen=True, kw_only=True)
class People:
    """The answer to `PeopleWanted`; `total` rows there are."""

    id: RequestId
    version: Name
    total: Count
    people: Annotated[tuple[PersonRow, ...], Field(max_length=MAX_ROWS)]


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
class Refusal:
    """The answer to a request that cannot be served.

    code: `malformed`: it is no request; `refused`: it asks for what cannot be; `unknown`: there
    is no such job; `busy`: too much is waiting, ask again later. id: "?" where it had none.
    """

    id: Name
    code: Literal["malformed", "refused", "unknown", "busy"]
    text: Line


_CHANGES = (
    EnrolPictures, EnrolPaths, EnrolTrack, NameStranger, Rename, Merge, Forget, NotHer, Ignore,
    Activate, Rollback, SetConsent,
)  # fmt: skip
_QUESTIONS = (
    JobWanted, CancelJob, JobsWanted, PeopleWanted, VersionsWanted, DiffWanted, IgnoredWanted,
)  # fmt: skip
_ANSWERS = (Job, Jobs, People, Versions, Diff, Ignored, Refusal)
CHANGES: dict[str, type] = {cls.__name__: cls for cls in _CHANGES}
REQUESTS: dict[str, type] = {cls.__name__: cls for cls in (*_CHANGES, *_QUESTIONS)}
ANSWERS: dict[str, type] = {cls.__name__: cls for cls in _ANSWERS}
Answer = Job | Jobs | People | Versions | Diff | Ignored | Refusal
