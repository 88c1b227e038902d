"""The figures of a scored clip, which add up over clips."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from trainer.truth.identities import IdentityCounts

Verdict = Literal["right", "wrong", "unknown", "nothing"]
"""Of a face at a time. A stranger is `wrong` under a name, and else `unknown`, which is right."""

Times = dict[Verdict, float]
"""Seconds under each verdict."""

_PERCENTILES = (50, 95, 99)


@dataclass
class PersonTime:
    """Seconds of one enrolled person: in view, named rightly, and how long anybody was so named."""

    visible_s: float = 0.0
    right_s: float = 0.0
    named_s: float = 0.0

    @property
    def precision(self) -> float | None:
        """Of the time that somebody was so named, the share in which it was this person."""
        return self.right_s / self.named_s if self.named_s else None

    @property
    def recall(self) -> float | None:
        """Of the time in view, the share under the right name."""
        return self.right_s / self.visible_s if self.visible_s else None


@dataclass
class Score:
    """Sums over all true tracks that are judged. Times are seconds of face: two at once count two.

    known, strangers: by verdict. settled: as `known`, from the first second of each track on.
    tracks: true ones; known_tracks: of enrolled people; renamed: those in which a said track gave
    up a name for another or for none. first_name_s: from the begin of a known track to the first
    right name, of those that got one. pieces: said tracks for each true track that has any.
    elsewhere: said where truth has no face; elsewhere_named: under a name. names: ids are people
    and what they are called; faces: ids are true and said tracks.
    """

    known: Times = field(default_factory=dict)
    settled: Times = field(default_factory=dict)
    strangers: Times = field(default_factory=dict)
    people: dict[str, PersonTime] = field(default_factory=dict)
    tracks: int = 0
    known_tracks: int = 0
    renamed: int = 0
    first_name_s: list[float] = field(default_factory=list)
    pieces: list[int] = field(default_factory=list)
    elsewhere_s: float = 0.0
    elsewhere_named_s: float = 0.0
    names: IdentityCounts = field(default_factory=IdentityCounts)
    faces: IdentityCounts = field(default_factory=IdentityCounts)
    latencies_ms: list[float] = field(default_factory=list)

    def person(self, name: str) -> PersonTime:
        """Return a person's times, to be added to."""
        return self.people.setdefault(name, PersonTime())

    def __add__(self, other: "Score") -> "Score":
        people = {name: PersonTime(**vars(time)) for name, time in self.people.items()}
        for name, time in other.people.items():
            mine = people.setdefault(name, PersonTime())
            mine.visible_s += time.visible_s
            mine.right_s += time.right_s
            mine.named_s += time.named_s
        return Score(
            _summed(self.known, other.known),
            _summed(self.settled, other.settled),
            _summed(self.strangers, other.strangers),
            people,
            self.tracks + other.tracks,
            self.known_tracks + other.known_tracks,
            self.renamed + other.renamed,
            self.first_name_s + other.first_name_s,
            self.pieces + other.pieces,
            self.elsewhere_s + other.elsewhere_s,
            self.elsewhere_named_s + other.elsewhere_named_s,
            self.names + other.names,
            self.faces + other.faces,
            self.latencies_ms + other.latencies_ms,
        )

    def summary(self) -> dict[str, Any]:
        """Return the figures as JSON has them; None where there was nothing to measure.

        Shares are 0 to 1: `known_*` of the judged time of enrolled people, `stranger_named` of
        the strangers', `renames` of all judged tracks, `named_tracks` of the known ones.
        """
        wait = self.first_name_s
        return {
            "known_right": _share(self.known, "right"),
            "known_right_after_1s": _share(self.settled, "right"),
            "known_wrong": _share(self.known, "wrong"),
            "known_unknown": _share(self.known, "unknown"),
            "known_nothing": _share(self.known, "nothing"),
            "stranger_named": _share(self.strangers, "wrong"),
            "stranger_nothing": _share(self.strangers, "nothing"),
            "renames": _ratio(self.renamed, self.tracks),
            "first_name_s_median": _rounded(float(np.median(wait))) if wait else None,
            "named_tracks": _ratio(len(wait), self.known_tracks),
            "pieces_mean": _rounded(float(np.mean(self.pieces))) if self.pieces else None,
            "missed_tracks": _ratio(self.tracks - len(self.pieces), self.tracks),
            "names_idf1": _rounded(self.names.idf1),
            "names_hota": _rounded(self.names.hota),
            "faces_idf1": _rounded(self.faces.idf1),
            "faces_hota": _rounded(self.faces.hota),
            "known_s": _rounded(sum(self.known.values())),
            "stranger_s": _rounded(sum(self.strangers.values())),
            "elsewhere_s": _rounded(self.elsewhere_s),
            "elsewhere_named_s": _rounded(self.elsewhere_named_s),
            "tracks": self.tracks,
            **{
                f"latency_ms_p{percent}": (
                    _rounded(float(np.percentile(self.latencies_ms, percent)))
                    if self.latencies_ms
                    else None
                )
                for percent in _PERCENTILES
            },
            "people": {
                name: {
                    "visible_s": _rounded(time.visible_s),
                    "precision": _rounded(time.precision),
                    "recall": _rounded(time.recall),
                }
                for name, time in sorted(self.people.items())
            },
        }


def _summed(one: Times, other: Times) -> Times:
    return {key: one.get(key, 0.0) + other.get(key, 0.0) for key in [*one, *other]}


def _share(times: Times, verdict: Verdict) -> float | None:
    return _ratio(times.get(verdict, 0.0), sum(times.values()))


def _ratio(part: float, whole: float) -> float | None:
    return _rounded(part / whole) if whole else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
