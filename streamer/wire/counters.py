"""The account of a stage: received = forwarded + pending + dropped, by reason."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=0, lt=2**63)]
Reason = Annotated[str, Field(max_length=64)]


@dataclass(frozen=True)
class StageCount:
    """One stage's account at one moment."""

    stage: Annotated[str, Field(max_length=64)]
    received: Count = 0
    forwarded: Count = 0
    pending: Count = 0
    dropped: Annotated[dict[Reason, Count], Field(max_length=64)] = field(default_factory=dict)

    @property
    def unaccounted(self) -> int:
        """What the account cannot explain; 0 in a program that is right."""
        return self.received - self.forwarded - self.pending - sum(self.dropped.values())


class StageCounters:
    """Counts for one stage of one process. Not thread-safe: it belongs to the stage's thread."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.received = 0
        self.forwarded = 0
        self.dropped: Counter[str] = Counter()

    def receive(self, count: int = 1) -> None:
        """Count what came in."""
        self.received += count

    def forward(self, count: int = 1) -> None:
        """Count what went on to the next stage."""
        self.forwarded += count

    def drop(self, reason: str, count: int = 1) -> None:
        """Count what was discarded, and why."""
        if count:
            self.dropped[reason] += count

    def snapshot(self, pending: int = 0) -> StageCount:
        """Return the account as it is now, with what the stage still holds."""
        return StageCount(self.stage, self.received, self.forwarded, pending, dict(self.dropped))


def add_up(counts: list[StageCount]) -> dict[str, StageCount]:
    """Sum the counts of several processes by stage."""
    totals: dict[str, StageCount] = {}
    for count in counts:
        so_far = totals.get(count.stage, StageCount(count.stage))
        totals[count.stage] = StageCount(
            count.stage,
            so_far.received + count.received,
            so_far.forwarded + count.forwarded,
            so_far.pending + count.pending,
            dict(Counter(so_far.dropped) + Counter(count.dropped)),
        )
    return totals
