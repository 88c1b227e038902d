"""What the control socket says of jobs: how far each is, what became of it, and what it made."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from streamer.wire.changes import RequestId
from streamer.wire.messages import Count, Name, Text

MAX_ROWS = 100
MAX_LINES = 40
MAX_RESULT_PART = 1024 * 1024

Line = Annotated[str, Field(max_length=1024)]
State = Literal["queued", "running", "done", "failed", "cancelled", "lost"]
FINISHED: frozenset[State] = frozenset({"done", "failed", "cancelled", "lost"})


@dataclass(frozen=True, kw_only=True)
class Job:
    """The answer to a change, and to `JobWanted` and `CancelJob`: how far it is, what became of it.

    done, total: steps, 0 of 0 where there are none to count. doing: what is being done, for people.
    lines, warnings: what there is to say of it, for people. version: of the gallery, that it made
    or put in use. looks_like: whom the pictures look like, where that is why it failed.
    fault: why it failed, was cancelled or lost. revision: counts its changes.
    result_bytes: of the file that it made, while that is kept.
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
    result_bytes: Count = 0

    @property
    def finished(self) -> bool:
        """True once nothing will change any more."""
        return self.state in FINISHED


@dataclass(frozen=True, kw_only=True)
class ResultPart:
    """The answer to `ResultWanted`. Part 1: `size` bytes of `total`, from `offset` on."""

    id: RequestId
    job: RequestId
    offset: Count
    total: Count
    size: Annotated[int, Field(ge=0, le=MAX_RESULT_PART)]

    @property
    def part_sizes(self) -> list[int]:
        """Bytes of the part."""
        return [self.size]


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
