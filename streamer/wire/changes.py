"""Changes of people that may be asked of the control socket; each is made by a job."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from streamer.wire.messages import Name

MAX_PICTURES = 64
MAX_PICTURE_BYTES = 16 * 1024 * 1024
MAX_PICTURES_BYTES = 128 * 1024 * 1024
MAX_PATHS = 64
MAX_PATH = 1024
MAX_WAIT_MS = 30_000
MAX_CONSENT = 300
MAX_TRACK_CROPS = 60
MAX_TRACK_S = 60.0
MAX_CHOSEN = 1000

RequestId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Person = Annotated[str, Field(min_length=1, max_length=128)]
Version = Annotated[str, Field(pattern=r"^[0-9]{1,12}$")]
CropId = Annotated[str, Field(pattern=r"^[0-9a-f]{4,64}$")]
WaitMs = Annotated[int, Field(ge=0, le=MAX_WAIT_MS)]


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
class EnrolFolder(Change):
    """Enrol everybody in a folder on the pipeline's own host: a sub-folder or a clip for each."""

    folder: Annotated[str, Field(min_length=1, max_length=MAX_PATH)]
    force: bool = False
    accept_look_alikes: bool = False


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
class Choice(Change):
    """Some crops of `person`, by the ids that `Crops` has."""

    person: Person
    crops: Annotated[tuple[CropId, ...], Field(min_length=1, max_length=MAX_CHOSEN)]


@dataclass(frozen=True, kw_only=True)
class SetAside(Choice):
    """Set crops aside: they are kept, and count for nothing."""


@dataclass(frozen=True, kw_only=True)
class PutBack(Choice):
    """Put crops back that were set aside, for good."""


@dataclass(frozen=True, kw_only=True)
class Rebuild(Change):
    """Make the gallery anew from its crops, after a change of weights or of settings."""


@dataclass(frozen=True, kw_only=True)
class Export(Change):
    """Collect all that is held of somebody into a .zip file, which `ResultWanted` asks for."""

    person: Person
