"""Tables and contact sheets beside a version: whom they are about, and what is left of them."""

import csv
import io
import re
import unicodedata
from pathlib import Path

from workers.gallery.versions import extras_of
from workers.names import composed_name, file_name_of

ENROLMENT = "enrolment.csv"
SHEET = re.compile(r"sheet-\d+-(.+)\.jpg")
_LIKENESS = "looks like "


def extras_naming(folder: Path, name: str) -> bool:
    """Tell whether files beside a version's numbers are about a person."""
    return any(extra_without(folder, path, name) != b"" for path in extras_of(folder))


def extras_without(folder: Path, name: str) -> dict[str, bytes]:
    """Return the files beside a version's numbers, without what is about a person."""
    kept = {}
    for path in extras_of(folder):
        changed = extra_without(folder, path, name)
        if changed is not None:
            kept[path.name] = changed or path.read_bytes()
    return kept


def extra_without(folder: Path, path: Path, name: str) -> bytes | None:
    """Return a file's content without a person; b"" if it is not about them, None if all of it is.

    Rows go in which somebody else's pictures look like this person: they may well be. So do the
    contact sheets that show them.
    """
    if path.suffix == ".csv":
        return csv_without(path.read_bytes(), name)
    sheet = SHEET.fullmatch(unicodedata.normalize("NFC", path.name))
    if sheet:
        return None if sheet[1] in _shown_with(folder, name) else b""
    return None if name in text_of(path.read_bytes()) else b""


def _shown_with(folder: Path, name: str) -> set[str]:
    """Return the names, as parts of file names, of those on whose sheets the person may be."""
    table = folder / ENROLMENT
    rows = _rows(table.read_bytes()) if table.is_file() else None
    others = {row[0] for row in rows or [] if row and _is_about(row, (rows or [[]])[0], name)}
    return {file_name_of(composed_name(other)) for other in {name, *others}}


def _rows(content: bytes) -> list[list[str]] | None:
    """Read the rows of a table, or None if it is not a table."""
    try:
        return list(csv.reader(io.StringIO(content.decode(), newline="")))
    except (UnicodeDecodeError, csv.Error):
        return None


def _is_about(row: list[str], head: list[str], name: str) -> bool:
    """Tell whether a row is of the person, or of somebody who looks like them."""
    cells = [composed_name(cell) for cell in row]
    if row is head:
        return False
    if head[:1] == ["person"]:  # in enrolment.csv names have a column, and other words others
        return cells[:1] == [name] or f"{_LIKENESS}{name}" in cells
    return name in cells


def csv_without(content: bytes, name: str) -> bytes | None:
    """Return a table without a person's rows; as `extra_without` does."""
    rows = _rows(content)
    if rows is None:
        return None if name in text_of(content) else b""
    kept = [row for row in rows if not _is_about(row, rows[0], name)]
    if len(kept) == len(rows):
        return b""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(kept)
    return text.getvalue().encode()


def text_of(content: bytes) -> str:
    """Return a file as text in Unicode's composed form."""
    return unicodedata.normalize("NFC", content.decode(errors="replace"))
