"""Where a person's name, pictures or numbers lie in the data folder.

gallery/versions/*/   a name in the manifest, rows in enrolment.csv, contact sheets
refused/*/            people who were not enrolled, and who they look like
work/                 unfinished work: crops and their paths
reports/*/            names, numbers and pictures
history/              events, visits and crops
control/*/            changes of people that are under way, or were made a while ago
gallery/notes.json    who agreed, until when, former names
**/*.zip              exported versions and people, wherever they lie

Names are compared in Unicode's composed form. Where a file is too damaged to tell, it counts as
`doubtful`: it goes when anything else is found.
"""

import json
import re
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import Path

from streamer.errors import GalleryError
from streamer.history.database import history_file
from streamer.history.forgetting import holds
from workers.gallery.notes import read_notes
from workers.gallery.papers import ENROLMENT, SHEET, csv_without, extras_naming
from workers.gallery.version import (
    ARRAYS_OF_FORMAT_2,
    ASIDE,
    CROPS,
    DAMAGE,
    MANIFEST,
    NUMBERS,
    read_manifest,
)
from workers.gallery.versions import Versions
from workers.names import composed_name, file_name_of, is_mentioned

REFUSED, WORK, REPORTS = "refused", "work", "reports"
CONTROL, JOB = "control", "job.json"
PERSON_EXPORT = "person.json"
"""In an archive of all that is held of a person: says whose it is."""


@dataclass(frozen=True)
class Traces:
    """What holds something of a person: versions of the gallery, and other files and folders."""

    versions: tuple[str, ...]
    paths: tuple[Path, ...]
    doubtful_versions: tuple[str, ...]
    doubtful_paths: tuple[Path, ...]
    history: bool = False
    noted: bool = False

    def __bool__(self) -> bool:
        return bool(self.versions or self.paths or self.history or self.noted)


def find_traces(versions: Versions, data: Path, name: str) -> Traces:
    """Look through the data folder. Nobody may be writing to the gallery meanwhile."""
    name = composed_name(name)
    holding, doubtful = [], []
    for version in versions.versions():
        folder = versions.folder_of(version)
        try:
            manifest = read_manifest(folder)
        except GalleryError:
            doubtful.append(version)
            continue
        if names_of(manifest["people"], name) or extras_naming(folder, name):
            holding.append(version)
    stale = [
        path
        for path in sorted((data / REPORTS).glob("gallery-*"))
        if path.name.removeprefix("gallery-") not in {*versions.versions()} - {*holding}
    ]
    reports = [
        path
        for path in sorted((data / REPORTS).glob("*"))
        if path.name.removeprefix("gallery-") in holding or _names_in_tables(path, name)
    ]
    refused = [p for p in sorted((data / REFUSED).glob("*")) if _refused_is_about(p, name)]
    work = data / WORK
    archives = [path for path in sorted(data.rglob("*.zip")) if path.is_file()]
    exports = {path: _export_holds(path, name) for path in archives}
    return Traces(
        tuple(holding),
        tuple(refused)
        + ((work,) if _is_in_paths_of(work, name) else ())
        + tuple(reports)
        + tuple(p for p in sorted((data / CONTROL).glob("*")) if _job_is_about(p, name))
        + tuple(path for path, holds in exports.items() if holds),
        tuple(doubtful),
        ((work,) if work.exists() else ())
        + tuple(path for path in stale if path not in reports)
        + tuple(path for path, holds in exports.items() if holds is None),
        bool(holds(history_file(data), name)),
        _is_noted(versions.folder, name),
    )


def names_of(people: list[str], name: str) -> list[str]:
    """Return those of the names that are this person's, in whatever form they are written."""
    return [other for other in people if composed_name(other) == name]


def _job_is_about(folder: Path, name: str) -> bool:
    """Tell whether a change is of the person; but for one that forgets somebody, which goes on."""
    try:
        job = json.loads((folder / JOB).read_bytes())
        state = job["job"]
        told = [*state["lines"], *state["warnings"], state["fault"]]
        about = name in map(composed_name, job["people"])
        return not job["forgets"] and (about or any(is_mentioned(name, line) for line in told))
    except (OSError, ValueError, KeyError, TypeError):
        return False  # it is not there as a whole, and goes when control starts


def _is_noted(folder: Path, name: str) -> bool:
    """Tell whether something is noted of a person, or may be, for the notes are damaged."""
    try:
        notes = read_notes(folder)
    except GalleryError:
        return True
    return name in notes or any(name == old.name for n in notes.values() for old in n.formerly)


def _names_in_tables(folder: Path, name: str) -> bool:
    """Tell whether a table below the folder has the name in a cell."""
    return any(csv_without(path.read_bytes(), name) != b"" for path in _files(folder, ".csv"))


def _refused_is_about(folder: Path, name: str) -> bool:
    tables = _files(folder, ".csv")
    if any(csv_without(path.read_bytes(), name) != b"" for path in tables):
        return True
    # Two names may have one file name; a table that was not written yet cannot tell.
    own = unicodedata.normalize("NFC", folder.name) == file_name_of(name)
    return own and not any(path.name == ENROLMENT for path in tables)


def _files(folder: Path, suffix: str = "") -> list[Path]:
    found = [folder] if folder.is_file() else folder.rglob("*")
    return [path for path in found if path.is_file() and path.name.endswith(suffix)]


def _is_in_paths_of(folder: Path, name: str) -> bool:
    """Tell whether a file below the folder names a path with this name in it."""
    patterns = []
    for encoding in ("utf-8", "utf-32-le"):  # as text, and as arrays of text have it
        for form in ("NFC", "NFD"):
            start = f"/{unicodedata.normalize(form, name)}".encode(encoding)
            ends = b"|".join(re.escape(end.encode(encoding)) for end in "/. ")
            patterns.append(re.escape(start) + b"(" + ends + b")")
    pattern = re.compile(b"|".join(patterns))
    return any(pattern.search(path.read_bytes()) for path in _files(folder))


def _export_holds(path: Path, name: str) -> bool | None:
    """Tell whether an archive is an exported gallery with the person; None if it cannot be told.

    An archive of something else holds nobody.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            inside = archive.namelist()
            if PERSON_EXPORT in inside:
                return composed_name(json.loads(archive.read(PERSON_EXPORT))["name"]) == name
            if not {MANIFEST, NUMBERS, ARRAYS_OF_FORMAT_2} & {*inside}:
                return False
            sheets = [SHEET.fullmatch(unicodedata.normalize("NFC", entry)) for entry in inside]
            if any(sheet and sheet[1] == file_name_of(name) for sheet in sheets):
                return True
            tables = [archive.read(entry) for entry in inside if entry.endswith(".csv")]
            if any(csv_without(table, name) != b"" for table in tables):
                return True
            return bool(names_of(json.loads(archive.read(MANIFEST))["people"], name))
    except DAMAGE:
        with path.open("rb") as file:  # after the 30 bytes of a member's header is its name
            first = file.read(64)[30:]
        begins = (PERSON_EXPORT, MANIFEST, NUMBERS, CROPS, ASIDE, ARRAYS_OF_FORMAT_2, ENROLMENT)
        return None if first.startswith(tuple(entry.encode() for entry in begins)) else False
