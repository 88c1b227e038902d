"""How right what was said about a clip is: who was named rightly, for how much of the time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from trainer.truth.file import Truth, TruthTrack
from trainer.truth.identities import Frame, count_identities
from trainer.truth.matching import Instant, instants
from trainer.truth.said import Claim, SaidTrack
from trainer.truth.score import Score, Verdict
from workers.names import composed_name

SETTLED_MS = 1000.0
"""From so long after a face's first frame on, it counts as `settled`, too."""


class Span(NamedTuple):
    """A stretch of a true track under one verdict (None: it is not judged).

    said: what it was called, "" while nothing was said; track: the said track, or "".
    """

    start_ms: float
    end_ms: float
    verdict: Verdict | None
    said: str
    track: str


@dataclass(frozen=True)
class Scored:
    """A clip's score, and for each true track what was said about it when.

    elsewhere: what was said where truth has no face: `wrong` under a name, else `unknown`.
    """

    score: Score
    spans: list[list[Span]]
    elsewhere: list[Span]


@dataclass
class _Story:
    """What is noted of one true track while the clip goes by."""

    spans: list[Span] = field(default_factory=list)
    said: set[str] = field(default_factory=set)
    renamed: bool = False
    first_right_ms: float | None = None


def score_clip(
    truth: Truth, said: Sequence[SaidTrack], latencies_ms: Sequence[float] = ()
) -> Scored:
    """Score what was said about a clip against its truth, at each of its frames.

    latencies_ms: from capture to publication of each event, where that was measured.
    """
    score = Score(latencies_ms=list(latencies_ms))
    stories = [_Story() for _ in truth.tracks]
    step_ms = 1000 / truth.fps
    elsewhere: dict[int, list[Span]] = {}
    names, faces = [], []
    for instant in instants(truth, said):
        claims = {index: _claim(said[index], instant.at_ms) for index in instant.said}
        for index in instant.truth:
            heard = instant.pairs.get(index)
            claim = None if heard is None else claims[heard]
            name = "" if heard is None else said[heard].track
            _note(score, truth.tracks[index], stories[index], instant.at_ms, step_ms, claim, name)
        _note_names(score, truth, instant, claims, step_ms / 1000)
        for index in claims.keys() - set(instant.pairs.values()):
            spans = elsewhere.setdefault(index, [])
            claim, at_ms = claims[index], instant.at_ms
            verdict: Verdict = "unknown" if claim.identity is None else "wrong"
            span = Span(at_ms, at_ms + step_ms, verdict, _called(claim), said[index].track)
            _extend(spans, span, step_ms)
        of_names, of_faces = _frames(truth, said, instant, claims)
        names.append(of_names)
        faces.append(of_faces)
    for track, story in zip(truth.tracks, stories, strict=True):
        _count(score, track, story)
    score.names, score.faces = count_identities(names), count_identities(faces)
    alone = sorted(span for spans in elsewhere.values() for span in spans)
    return Scored(score, [story.spans for story in stories], alone)


def _called(claim: Claim | None) -> str:
    return "" if claim is None else claim.identity or claim.stranger or "unknown"


def _extend(spans: list[Span], span: Span, step_ms: float) -> None:
    """Let the last span go on, if it is the same and only now over; else begin another."""
    if spans and spans[-1][2:] == span[2:] and span.start_ms - spans[-1].end_ms < step_ms / 2:
        spans[-1] = spans[-1]._replace(end_ms=span.end_ms)
    else:
        spans.append(span)


def _claim(said: SaidTrack, at_ms: float) -> Claim:
    claim = said.claim_at(at_ms)
    if claim is None:
        raise ValueError(f"{said.track} is there before anything was said about it")
    return claim._replace(identity=composed_name(claim.identity)) if claim.identity else claim


def _verdict(track: TruthTrack, claim: Claim | None) -> Verdict | None:
    if track.person is None:
        return None
    if claim is None:
        return "nothing"
    if claim.identity is None:
        return "unknown"
    right = track.known and claim.identity == composed_name(track.person)
    return "right" if right else "wrong"


def _note(
    score: Score,
    track: TruthTrack,
    story: _Story,
    at_ms: float,
    step_ms: float,
    claim: Claim | None,
    said: str,
) -> None:
    """Note what is said of a true face at one frame."""
    verdict = _verdict(track, claim)
    text = _called(claim)
    before = story.spans[-1] if story.spans else None
    _extend(story.spans, Span(at_ms, at_ms + step_ms, verdict, text, said), step_ms)
    if verdict is None:
        return
    if said:
        story.said.add(said)
    if before is not None and said and before.track == said and before.said != text:
        # From a name to another or to none; from a stranger to a name is no renaming.
        story.renamed |= before.verdict in ("right", "wrong")
    if verdict == "right" and story.first_right_ms is None:
        story.first_right_ms = at_ms
    seconds = step_ms / 1000
    times = score.known if track.known else score.strangers
    times[verdict] = times.get(verdict, 0.0) + seconds
    if track.known and at_ms >= track.start_ms + SETTLED_MS:
        score.settled[verdict] = score.settled.get(verdict, 0.0) + seconds


def _note_names(
    score: Score,
    truth: Truth,
    instant: Instant,
    claims: Mapping[int, Claim],
    step_s: float,
) -> None:
    """Add a frame to the time in which each name was said, and to what is said of no face."""
    true_of = {heard: index for index, heard in instant.pairs.items()}
    for heard, claim in claims.items():
        index = true_of.get(heard)
        if index is None:
            score.elsewhere_s += step_s
            score.elsewhere_named_s += step_s * (claim.identity is not None)
        person = None if index is None else truth.tracks[index].person
        if claim.identity is None or (index is not None and person is None):
            continue
        time = score.person(claim.identity)
        time.named_s += step_s
        if index is not None and truth.tracks[index].known and person is not None:
            time.right_s += step_s * (composed_name(person) == claim.identity)
    for index in instant.truth:
        track = truth.tracks[index]
        if track.known and track.person is not None:
            score.person(composed_name(track.person)).visible_s += step_s


def _frames(
    truth: Truth, said: Sequence[SaidTrack], instant: Instant, claims: Mapping[int, Claim]
) -> tuple[Frame, Frame]:
    """Make a frame for the identity measures: ids are people and names, or true and said tracks.

    Faces that are not judged are left out, with what is said of them. Under names, only the own
    name is a known person's, and only what is no name a stranger's.
    """
    ignored = {i for i in instant.truth if truth.tracks[i].person is None}
    about_ignored = {j for i, j in instant.pairs.items() if i in ignored}
    rows = [row for row, i in enumerate(instant.truth) if i not in ignored]
    columns = [column for column, j in enumerate(instant.said) if j not in about_ignored]
    overlaps = instant.overlaps[np.ix_(rows, columns)]
    true = [instant.truth[row] for row in rows]
    heard = [instant.said[column] for column in columns]
    called = [claims[j].identity or claims[j].stranger or said[j].track for j in heard]
    people = [composed_name(truth.tracks[i].person or "") for i in true]
    fits = [
        [claims[j].identity == (who if truth.tracks[i].known else None) for j in heard]
        for i, who in zip(true, people, strict=True)
    ]
    apart = overlaps * np.array(fits, bool).reshape(overlaps.shape)
    return Frame(people, called, apart), Frame(true, heard, overlaps)


def _count(score: Score, track: TruthTrack, story: _Story) -> None:
    """Count a true track, once its clip is over."""
    if track.person is None or not story.spans:
        return
    score.tracks += 1
    score.renamed += story.renamed
    if story.said:
        score.pieces.append(len(story.said))
    if track.known:
        score.known_tracks += 1
        if story.first_right_ms is not None:
            score.first_name_s.append((story.first_right_ms - track.start_ms) / 1000)
