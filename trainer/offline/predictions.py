"""What was found in files: rows, their tables, and a journal for a run that is stopped."""

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from streamer.files import write_file

Outcome = Literal["named", "unknown", "undecided", "no face", "unreadable"]
_COLUMNS = [
    "file", "face", "outcome", "identity", "probability", "squared_distance",
    "x", "y", "width", "height", "first_s", "last_s",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """One face of a picture, or one followed face of a clip; or a file without a face.

    outcome: "undecided" is a face of a clip that was seen too shortly for a name. box_xywh: in
    pixels; of a clip, where the face was first. first_s, last_s: in the clip; None for pictures.
    """

    file: str
    face: int
    outcome: Outcome
    identity: str | None = None
    probability: float | None = None
    squared_distance: float | None = None
    box_xywh: tuple[int, int, int, int] | None = None
    first_s: float | None = None
    last_s: float | None = None


class Journal:
    """Rows of files that are done, each on a line as soon as it is.

    `run` says what the rows were made with; those of a run with anything else do not count. A
    file that has changed since is not done.
    """

    def __init__(self, path: Path, run: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._done = self._read(run)
        if not self._done:
            path.write_text(json.dumps(run) + "\n", encoding="utf-8")

    def rows(self, path: Path) -> list[FileRow] | None:
        """Return a file's rows, or None if it is not done."""
        return self._done.get(_stamp(path))

    def add(self, path: Path, rows: Sequence[FileRow]) -> None:
        """Keep a file's rows."""
        line = json.dumps([_stamp(path), [asdict(row) for row in rows]])
        with self._path.open("a", encoding="utf-8") as file:
            file.write("\n" + line + "\n")  # a kill may have cut the last line off
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Delete it: the run is complete."""
        self._path.unlink()

    def _read(self, run: str) -> dict[str, list[FileRow]]:
        try:
            first, *lines = self._path.read_text(encoding="utf-8").splitlines()
            if json.loads(first) != run:
                return {}
        except (OSError, ValueError):
            return {}
        done = {}
        for line in lines:
            try:
                stamp, rows = json.loads(line)
                done[stamp] = [
                    FileRow(**{**row, "box_xywh": row["box_xywh"] and tuple(row["box_xywh"])})
                    for row in rows
                ]
            except (ValueError, TypeError):
                continue  # an empty line, or the one that was being written at a kill
        return done


def write_tables(folder: Path, rows: Sequence[FileRow]) -> None:
    """Write predictions.csv and predictions.json."""
    write_file(folder / "predictions.csv", _csv(rows))
    text = json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False)
    write_file(folder / "predictions.json", text.encode() + b"\n")


def _stamp(path: Path) -> str:
    state = path.stat()
    return f"{path} {state.st_size} {state.st_mtime_ns}"


def _csv(rows: Sequence[FileRow]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        chance = "" if row.probability is None else f"{row.probability:.4f}"
        apart = "" if row.squared_distance is None else f"{row.squared_distance:.4f}"
        box = row.box_xywh or ("", "", "", "")
        writer.writerow(
            [
                row.file, row.face or "", row.outcome, row.identity or "", chance, apart,
                *box, "" if row.first_s is None else row.first_s,
                "" if row.last_s is None else row.last_s,
            ]
        )  # fmt: skip
    return text.getvalue().encode()
