"""What was said, for people: who, from when to when; and the figures of a score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trainer.truth.said import SaidTrack


@dataclass(frozen=True)
class Visit:
    """One stretch of time under one name; identity None: a stranger, called `name`."""

    name: str
    identity: str | None
    start_ms: float
    end_ms: float
    track: str

    def as_json(self) -> dict[str, Any]:
        """Return it as the command prints it."""
        return {
            "identity": self.identity,
            "stranger": None if self.identity else self.name,
            "from_s": round(self.start_ms / 1000, 3),
            "to_s": round(self.end_ms / 1000, 3),
            "track": self.track,
        }


def visits(said: Sequence[SaidTrack]) -> list[Visit]:
    """List who was said to be there, in order; a track that was renamed is several visits."""
    found: list[Visit] = []
    for track in said:
        if not track.claims or not track.keys:
            continue
        end_ms = max(track.keys[-1].at_ms, track.claims[0].at_ms)
        begin, *changes = [
            claim
            for before, claim in zip([None, *track.claims], track.claims, strict=False)
            if before is None
            or (before.identity, before.stranger) != (claim.identity, claim.stranger)
        ]
        for claim, after in zip([begin, *changes], [*changes, None], strict=True):
            found.append(
                Visit(
                    claim.identity or claim.stranger or "unknown",
                    claim.identity,
                    claim.at_ms,
                    end_ms if after is None else after.at_ms,
                    track.track,
                )
            )
    return sorted(found, key=lambda visit: (visit.start_ms, visit.track))


FIGURES = (
    ("known people, of their time: right", "known_right", "%"),
    ("  from the first second on: right", "known_right_after_1s", "%"),
    ("  wrong name", "known_wrong", "%"),
    ("  taken for strangers", "known_unknown", "%"),
    ("  nothing said", "known_nothing", "%"),
    ("strangers, of their time: named", "stranger_named", "%"),
    ("  nothing said", "stranger_nothing", "%"),
    ("tracks that were renamed", "renames", "%"),
    ("tracks of known people that got the right name", "named_tracks", "%"),
    ("  after, at the median", "first_name_s_median", "s"),
    ("pieces of a track, on average", "pieces_mean", ""),
    ("tracks of which nothing was said", "missed_tracks", "%"),
    ("who it is: IDF1", "names_idf1", "%"),
    ("  HOTA", "names_hota", "%"),
    ("faces kept apart: IDF1", "faces_idf1", "%"),
    ("  HOTA", "faces_hota", "%"),
    ("said where no face is", "elsewhere_s", "s"),
    ("  under a name", "elsewhere_named_s", "s"),
    ("capture to event: median", "latency_ms_p50", "ms"),
    ("  95 %", "latency_ms_p95", "ms"),
    ("  99 %", "latency_ms_p99", "ms"),
)
"""The summary's figures in order: what each is called, its key, and its unit."""


def figure_text(value: float | None, unit: str) -> str:
    """Write a figure for people; "-" for what there was nothing to measure of."""
    if value is None:
        return "-"
    if unit == "%":
        return f"{value:.1%}".replace("%", " %")
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f} {unit}".strip()


def clock(ms: float) -> str:
    """Write a time of the clip: minutes, seconds, tenths."""
    tenths = round(ms / 100)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"
