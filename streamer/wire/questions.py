"""Questions to the control socket, which change nothing."""

from dataclasses import dataclass
from typing import Literal

from streamer.wire.changes import (
    MAX_WAIT_MS,
    CropId,
    Person,
    Picture,
    Request,
    RequestId,
    Version,
    WaitMs,
)
from streamer.wire.messages import Count


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
class CropsWanted(Request):
    """The crops that somebody is enrolled with, and those that are set aside, from row `offset`."""

    person: Person
    offset: Count = 0


@dataclass(frozen=True, kw_only=True)
class CropPictureWanted(Request):
    """The picture of one of these crops, by its id, in the format that is named."""

    person: Person
    crop: CropId
    format: Literal["jpeg", "png"] = "jpeg"


@dataclass(frozen=True, kw_only=True)
class ResultWanted(Request):
    """A part of the file that a job has made, from byte `offset` on."""

    job: RequestId
    offset: Count = 0


@dataclass(frozen=True, kw_only=True)
class Search(Request):
    """Who is in a picture; refused where that is not known within `wait_ms`. Part 1: its file."""

    picture: Picture
    wait_ms: WaitMs = MAX_WAIT_MS

    @property
    def part_sizes(self) -> list[int]:
        """Bytes of the part."""
        return [self.picture.size]
