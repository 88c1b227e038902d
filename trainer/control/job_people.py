"""Whom a change is about."""

from pathlib import Path

from streamer.errors import DatasetError
from streamer.wire.control import Change, EnrolFolder
from workers.names import composed_name

_PERSONS = ("person", "name", "into", "who")


def person_of(change: Change) -> str:
    """Return the name by which a change is listed, or ""."""
    return str(getattr(change, "person", getattr(change, "who", "")))


def people_of(change: Change) -> list[str]:
    """Return the names that a change has, in their one form."""
    names = [getattr(change, key) for key in _PERSONS if hasattr(change, key)]
    return [composed_name(str(name)) for name in names]


def people_below(change: Change | None) -> list[str]:
    """Return whom a change will be about, where its folder has yet to say so."""
    from trainer.enrolment.bulk import people_in

    if not isinstance(change, EnrolFolder):
        return []
    try:
        return list(people_in(Path(change.folder)))
    except (DatasetError, OSError):
        return []
