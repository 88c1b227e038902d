"""The file of names: from draft tracks to truth."""

import itertools
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from streamer.errors import DatasetError, GalleryError
from trainer.truth.file import Truth, TruthTrack
from trainer.truth.keys import Key
from workers.names import check_name

IGNORE, NONE, STRANGER = "ignore", "none", "stranger"
_PART = re.compile(r"(\d+) (\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)")
_KEYS = TypeAdapter(Annotated[tuple[Key, ...], Field(min_length=1)])
_GAP_MS = 0.01  # so that two parts of a track are never both there


@dataclass(frozen=True)
class Part:
    """A stretch of a track that is somebody else's, or nobody's to be judged on."""

    track: int
    start_ms: float
    end_ms: float
    name: str


@dataclass(frozen=True)
class Names:
    """What was written: by person of the draft, by track number (from 1), by part of a track.

    added: tracks that the draft lacks.
    """

    people: dict[str, str]
    tracks: dict[int, str]
    parts: tuple[Part, ...]
    added: tuple[TruthTrack, ...] = ()


def names_file(draft: Truth) -> bytes:
    """Make the file to fill in."""
    lines = [
        "# Who is who, by the contact sheet. Write for each person:",
        '#   "Alice"     a name: enrolled, should be named',
        '#   "stranger"  nobody enrolled ("stranger-2" where two persons of the draft are one)',
        '#   "ignore"    nobody is judged on it: too small, turned away, half hidden',
        '#   "none"      no face: left out',
        "[people]",
    ]
    for person in dict.fromkeys(track.person for track in draft.tracks):
        own = [(i, t) for i, t in enumerate(draft.tracks, 1) if t.person == person]
        seconds = sum(track.end_ms - track.start_ms for _, track in own) / 1000
        numbers = ", ".join(str(number) for number, _ in own)
        lines.append(f'{person} = ""  # track {numbers}: {seconds:.1f} s')
    lines += [
        "",
        "# A track that is not its person:   3 = " + '"stranger"',
        "[tracks]",
        "",
        '# A part of a track, in seconds:    "3 12.0-13.5" = "ignore"',
        "[parts]",
        "",
        "# A face that the draft has missed: seconds, left, top and side of its square",
        "# [[added]]",
        '# name = "Alice"',
        "# keys = [[4.7, 310, 120, 110], [5.2, 330, 118, 112]]",
        "",
    ]
    return "\n".join(lines).encode()


def read_names(path: Path) -> Names:
    """Read a file of names. Raises DatasetError, and says what is wrong and where."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DatasetError(f"{path}: must be a TOML file of names: {error}") from error
    if unknown := sorted(content.keys() - {"people", "tracks", "parts", "added"}):
        raise DatasetError(
            f"{path}: {unknown[0]}: must be [people], [tracks], [parts] or [[added]]"
        )
    tables = {key: _table(path, key, content.get(key, {})) for key in ("people", "tracks", "parts")}
    tracks = {}
    for key, name in tables["tracks"].items():
        if not key.isdecimal():
            raise DatasetError(f"{path}: tracks.{key[:40]}: must be a track's number")
        tracks[int(key)] = name
    parts = []
    for key, name in tables["parts"].items():
        found = _PART.fullmatch(key)
        if found is None or float(found[2]) >= float(found[3]):
            raise DatasetError(
                f'{path}: parts: must be as "3 12.0-13.5", a track and seconds. '
                f"Received: {key[:40]!r}"
            )
        parts.append(Part(int(found[1]), 1000 * float(found[2]), 1000 * float(found[3]), name))
    added = _added(path, content.get("added", []))
    parts.sort(key=lambda part: part.start_ms)
    return Names(tables["people"], tracks, tuple(parts), added)


def named_truth(draft: Truth, names: Names) -> Truth:
    """Make truth of a draft. Raises DatasetError for who has no name, or is not in the draft."""
    persons = {track.person for track in draft.tracks}
    numbers = range(1, len(draft.tracks) + 1)
    for person in names.people:
        if person not in persons:
            raise DatasetError(f"people.{person}: the draft has no such person")
    for number in [*names.tracks, *(part.track for part in names.parts)]:
        if number not in numbers:
            raise DatasetError(f"track {number}: the draft has tracks 1 to {len(draft.tracks)}")
    for track in names.added:
        if track.end_ms > draft.duration_ms:
            raise DatasetError(
                f"added: must end within the clip, {draft.duration_ms / 1000:g} s. "
                f"Received: {track.end_ms / 1000:g}"
            )
    made: list[TruthTrack] = []
    for number, track in enumerate(draft.tracks, 1):
        person = str(track.person)
        name = names.tracks.get(number) or names.people.get(person, "")
        parts = [part for part in names.parts if part.track == number]
        if not name:
            raise DatasetError(
                f'{person} (track {number}) has no name yet; write one, "{STRANGER}", '
                f'"{IGNORE}" or "{NONE}"'
            )
        for piece, called in _pieces(track, name, parts):
            if called != NONE and len(piece.keys) > 1:
                made.append(_called(piece, called, person, number in names.tracks, number))
    return replace(draft, tracks=(*made, *names.added))


def cut(track: TruthTrack, start_ms: float, end_ms: float) -> TruthTrack:
    """Return a track's part from one time to another, where it is there."""
    start_ms, end_ms = max(start_ms, track.start_ms), min(end_ms, track.end_ms)
    inner = [key for key in track.keys if start_ms < key.at_ms < end_ms]
    ends = [(t, track.box_at(t)) for t in (start_ms, end_ms)]
    first, *last = [Key(t, *box) for t, box in ends if box is not None] or [track.keys[0]]
    return replace(track, keys=(first, *inner, *[key for key in last if key.at_ms > first.at_ms]))


def _pieces(track: TruthTrack, name: str, parts: Sequence[Part]) -> "list[tuple[TruthTrack, str]]":
    found: list[tuple[TruthTrack, str]] = []
    begin = track.start_ms
    for part in parts:
        if part.start_ms > begin:
            found.append((cut(track, begin, part.start_ms - _GAP_MS), name))
        if part.end_ms > begin and part.start_ms < track.end_ms:
            found.append((cut(track, max(begin, part.start_ms), part.end_ms - _GAP_MS), part.name))
        begin = max(begin, part.end_ms)
    if begin < track.end_ms:
        found.append((cut(track, begin, track.end_ms), name))
    return found


def _called(track: TruthTrack, name: str, person: str, alone: bool, number: int) -> TruthTrack:
    if name == IGNORE:
        return replace(track, person=None, known=False)
    if name == STRANGER:  # a person of the draft is one stranger; a track that is not, another
        own = person.rpartition("-")[2]
        name = f"{STRANGER}-{own}" + (f"-{number}" if alone else "")
    try:
        name = check_name(name)
    except GalleryError as error:
        raise DatasetError(str(error)) from error
    return replace(track, person=name, known=not name.startswith(f"{STRANGER}-"))


def _added(path: Path, tables: Any) -> tuple[TruthTrack, ...]:
    tracks = []
    try:
        for number, table in enumerate(tables, 1):
            rows = [[float(value) for value in key] for key in table["keys"]]
            keys = _KEYS.validate_python([(1000 * at, x, y, side, side) for at, x, y, side in rows])
            if any(late.at_ms <= early.at_ms for early, late in itertools.pairwise(keys)):
                raise ValueError  # as of what is no number
            tracks.append((number, str(table["name"]), keys))
    except (TypeError, ValueError, KeyError) as error:
        raise DatasetError(
            f"{path}: added: each must have a name, and keys as [seconds, left, top, side], of "
            f"rising times, with a side above 0"
        ) from error
    return tuple(
        _called(TruthTrack(name, False, keys), name, f"person-added{number}", False, 0)
        for number, name, keys in tracks
        if name != NONE
    )


def _table(path: Path, key: str, table: Any) -> dict[str, str]:
    if not isinstance(table, dict) or not all(isinstance(name, str) for name in table.values()):
        raise DatasetError(f"{path}: {key}: must be a table of names in quotes")
    return table
