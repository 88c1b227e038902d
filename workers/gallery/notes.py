"""What is noted of enrolled people beside the versions: who agreed, until when, former names.

<gallery>/notes.json is no part of a version, so that going back to one takes no consent back. A
former name is the person's in the versions before the one that it was changed in: `forget`
reaches it there.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streamer.errors import GalleryError
from streamer.files import write_file

NOTES = "notes.json"
_FORMAT = 1


@dataclass(frozen=True)
class FormerName:
    """A name, and the number of the first version that does not have it any more."""

    name: str
    before: int


@dataclass(frozen=True, kw_only=True)
class Note:
    """consent: who agreed, when and to what, in the user's words. expires_utc: RFC 3339."""

    consent: str | None = None
    expires_utc: str | None = None
    formerly: tuple[FormerName, ...] = field(default=())

    @property
    def expires(self) -> datetime | None:
        """When the person is to be forgotten."""
        return None if self.expires_utc is None else moment(self.expires_utc)


def moment(text: str) -> datetime:
    """Return the time of an RFC 3339 text, UTC where it has no zone. Raises GalleryError."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise GalleryError(
            f"an expiry must be a time such as 2027-05-01 or 2027-05-01T12:30:00Z. "
            f"Received: {text!r:.60}"
        ) from error


def read_notes(folder: Path) -> dict[str, Note]:
    """Return the notes of a gallery by name. Raises GalleryError where they are damaged."""
    path = folder / NOTES
    try:
        content = json.loads(path.read_bytes())
        if content["format"] != _FORMAT:
            raise ValueError(f"its format must be {_FORMAT}")
        return {str(name): _note(row) for name, row in content["people"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, GalleryError) as error:
        raise GalleryError(
            f"{path}: what was noted of people is damaged ({error}); nobody expires until it is "
            f"mended or moved away"
        ) from error


def write_notes(folder: Path, notes: Mapping[str, Note]) -> None:
    """Replace the notes; people of whom nothing is noted are left out. Call it with the lock."""
    people = {name: asdict(note) for name, note in notes.items() if note != Note()}
    content = {"format": _FORMAT, "people": people}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    write_file(folder / NOTES, text.encode())


def remove_note(folder: Path, name: str) -> None:
    """Delete a person's notes and former name; where it cannot be told what they are, all notes."""
    try:
        notes = read_notes(folder)
    except GalleryError:
        (folder / NOTES).unlink(missing_ok=True)
        return
    left = {
        each: replace(note, formerly=tuple(old for old in note.formerly if old.name != name))
        for each, note in notes.items()
        if each != name
    }
    if left != notes:
        write_notes(folder, left)


def move_note(folder: Path, person: str, name: str, number: int) -> None:
    """Have another name be the person's from version `number` on, with what is noted of both.

    Of two expiries the earlier one counts; consent is that of `name`, if there is one.
    """
    notes = read_notes(folder)
    old, new = notes.pop(person, Note()), notes.get(name, Note())
    expiries = [note for note in (old, new) if note.expires is not None]
    first = min(expiries, key=lambda note: note.expires or datetime.max.replace(tzinfo=UTC),
                default=new)  # fmt: skip
    formerly = (*new.formerly, *old.formerly, FormerName(person, number))
    notes[name] = replace(
        new,
        consent=new.consent if new.consent is not None else old.consent,
        expires_utc=first.expires_utc,
        formerly=tuple(dict.fromkeys(each for each in formerly if each.name != name)),
    )
    write_notes(folder, notes)


def _note(row: Mapping[str, Any]) -> Note:
    consent, expires = row["consent"], row["expires_utc"]
    if not isinstance(consent, str | None) or not isinstance(expires, str | None):
        raise TypeError("notes must be texts")
    formerly = tuple(FormerName(str(each["name"]), int(each["before"])) for each in row["formerly"])
    note = Note(consent=consent, expires_utc=expires, formerly=formerly)
    _ = note.expires  # it must be a time
    return note
