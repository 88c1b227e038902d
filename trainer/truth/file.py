"""Truth files: who is where in a clip, and when, by track.

JSON in UTF-8, a track on each line. Times are milliseconds of the clip, boxes in pixels of its
picture, as the square that a Haar cascade draws around a face:

    {"format": 1, "clip": "door.mp4", "width": 1280, "height": 720, "fps": 25.0,
     "duration_ms": 82000.0, "tracks": [
    {"person": "Alice", "known": true, "keys": [[0.0, 100, 80, 90, 90], [400.0, 120, 80, 92, 92]]},
    {"person": null, "known": false, "keys": [[0.0, 600, 80, 20, 20], [400.0, 610, 80, 20, 20]]}
    ]}
"""

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from streamer.errors import DatasetError
from streamer.files import write_file
from streamer.vision.boxes import Box
from trainer.truth.keys import Key, Time, box_at

FORMAT = 1
_STRICT = ConfigDict(extra="forbid")

_Side = Annotated[int, Field(ge=1, le=2**15)]


@dataclass(frozen=True)
class TruthTrack:
    """One face from its first key to its last; between keys its box goes straight.

    person: who it is; None for a face that nobody is judged on (too small, turned away).
    known: enrolled, so that it should be named; a stranger has a name of its own, and is not.
    """

    __pydantic_config__: ClassVar = _STRICT

    person: Annotated[str, Field(min_length=1, max_length=128)] | None
    known: bool
    keys: Annotated[tuple[Key, ...], Field(min_length=1)]

    @property
    def start_ms(self) -> float:
        """When the face can first be seen."""
        return self.keys[0].at_ms

    @property
    def end_ms(self) -> float:
        """When it can last be seen."""
        return self.keys[-1].at_ms

    def box_at(self, t_ms: float) -> Box | None:
        """Return the face's box at a time, or None outside the track."""
        return box_at(self.keys, t_ms)


@dataclass(frozen=True, kw_only=True)
class Truth:
    """All faces of a clip. `clip` and `source` (whence it is to be had) are for people."""

    __pydantic_config__: ClassVar = _STRICT

    clip: str
    width: _Side
    height: _Side
    fps: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
    duration_ms: Time
    tracks: tuple[TruthTrack, ...] = ()
    source: str = ""

    def known(self) -> tuple[str, ...]:
        """Return the names of those who are enrolled, sorted."""
        return tuple(sorted({t.person for t in self.tracks if t.known and t.person}))


_FILE = TypeAdapter(Truth)


def read_truth(path: Path) -> Truth:
    """Read a truth file. Raises DatasetError for one that is wrong, and says where."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: must be JSON: {error}") from error
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise DatasetError(f'{path}: must be a truth file with "format": {FORMAT}')
    try:
        truth = _FILE.validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        received = "" if first["type"] == "missing" else f". Received: {first['input']!r:.60}"
        raise DatasetError(f"{path}: {where}: {first['msg']}{received}") from error
    _check(path, truth)
    return truth


def write_truth(path: Path, truth: Truth) -> None:
    """Write or replace a truth file in one step. Raises DatasetError for one that is wrong."""
    _check(path, truth)
    head: dict[str, Any] = {
        "format": FORMAT,
        "clip": truth.clip,
        **({"source": truth.source} if truth.source else {}),
        "width": truth.width,
        "height": truth.height,
        "fps": truth.fps,
        "duration_ms": truth.duration_ms,
    }
    lines = [
        json.dumps(
            {
                "person": track.person,
                "known": track.known,
                "keys": [[_short(number) for number in key] for key in track.keys],
            },
            ensure_ascii=False,
        )
        for track in truth.tracks
    ]
    text = json.dumps(head, ensure_ascii=False)[:-1] + ', "tracks": [\n' + ",\n".join(lines)
    write_file(path, (text + "\n]}\n").encode())


def _short(number: float) -> float | int:
    """Two digits behind the point are far below a pixel, and below a frame."""
    rounded = round(number, 2)
    return int(rounded) if rounded == int(rounded) else rounded


def _check(path: Path, truth: Truth) -> None:
    """Find what the types do not say. Raises DatasetError."""
    known: dict[str, bool] = {}
    for index, track in enumerate(truth.tracks):
        where = f"{path}: tracks.{index}"
        times = [key.at_ms for key in track.keys]
        if any(late <= early for early, late in itertools.pairwise(times)):
            raise DatasetError(f"{where}: the times of its keys must rise")
        if times[-1] > truth.duration_ms:
            raise DatasetError(
                f"{where}: must end within duration_ms, {truth.duration_ms}. Received: {times[-1]}"
            )
        if track.person is None:
            if track.known:
                raise DatasetError(f"{where}: who is known must have a name")
        elif known.setdefault(track.person, track.known) != track.known:
            raise DatasetError(f"{where}: {track.person} must be known in all tracks, or in none")
