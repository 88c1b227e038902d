"""Answers to questions about the gallery and who is in it."""

from streamer.errors import GalleryError
from streamer.history import corrections
from streamer.history.database import history
from streamer.wire import control as wire
from streamer.wire.control import MAX_ROWS
from streamer.wire.messages import MAX_TEXT
from trainer.control.crops import crops, picture, share_named_rightly
from trainer.control.desk import Desk
from workers.gallery.crop_ids import crop_ids
from workers.gallery.notes import Note, read_notes
from workers.gallery.version import Gallery

Parts = list[bytes]


def answer(desk: Desk, question: wire.Request) -> tuple[wire.Answer, Parts]:
    """Return an answer and the parts that go with it. Raises FacestreamError where none can be."""
    match question:
        case wire.CropPictureWanted():
            return picture(desk.in_use(), desk.pictures, question)
    return _plain_answer(desk, question), []


def _plain_answer(desk: Desk, question: wire.Request) -> wire.Answer:
    match question:
        case wire.CropsWanted():
            return crops(desk.in_use(), question)
        case wire.PeopleWanted():
            return _people(desk, question)
        case wire.VersionsWanted():
            return _versions(desk, question)
        case wire.DiffWanted():
            return _diff(desk, question)
        case wire.IgnoredWanted():
            return _ignored(desk, question)
    raise ValueError(f"questions must be of REQUESTS. Received: {type(question).__name__}")


def _people(desk: Desk, question: wire.PeopleWanted) -> wire.People:
    gallery = desk.store.read()
    if gallery is None:
        return wire.People(id=question.id, version="", total=0, people=())
    notes, people = read_notes(desk.store.folder), gallery.people
    counts = {name: int((people.labels == i).sum()) for i, name in enumerate(people.names)}
    names = sorted(people.names)
    rows = [
        wire.PersonRow(
            name=name,
            crops=counts[name],
            set_aside=len(people.aside.of(name)),
            consent=notes.get(name, Note()).consent,
            expires_utc=notes.get(name, Note()).expires_utc,
            crop=next(iter(crop_ids(people, name)), ""),
            named_rightly=share_named_rightly(gallery, people.names.index(name)),
        )
        for name in names[question.offset : question.offset + MAX_ROWS]
    ]
    return wire.People(
        id=question.id, version=gallery.version, total=len(names), people=tuple(rows)
    )


def _versions(desk: Desk, question: wire.VersionsWanted) -> wire.Versions:
    store = desk.store
    current, versions = store.current_version(), store.versions()[::-1]
    rows = []
    for version in versions[question.offset : question.offset + MAX_ROWS]:
        try:
            rows.append(_row(store.read_version(version), version == current))
        except GalleryError as error:
            fault = str(error)[:MAX_TEXT]
            rows.append(wire.VersionRow(version=version, in_use=version == current, fault=fault))
    return wire.Versions(id=question.id, total=len(versions), versions=tuple(rows))


def _diff(desk: Desk, question: wire.DiffWanted) -> wire.Diff:
    current = desk.store.current_version()
    old, new = (desk.store.read_version(v.zfill(6)) for v in (question.old, question.new))
    had, has = _crops(old), _crops(new)
    changed = [
        wire.CropCount(name=name, old=had.get(name, 0), new=has.get(name, 0))
        for name in sorted(had.keys() | has.keys())
        if had.get(name) != has.get(name)
    ]
    return wire.Diff(
        id=question.id,
        old=_row(old, old.version == current),
        new=_row(new, new.version == current),
        total=len(changed),
        crops=tuple(changed[:MAX_ROWS]),
    )


def _ignored(desk: Desk, question: wire.IgnoredWanted) -> wire.Ignored:
    path = desk.config.history_path
    names: list[str] = []
    if path.is_file():
        with history(path) as connection:
            names = corrections.ignored(connection)
    rows = names[question.offset : question.offset + MAX_ROWS]
    return wire.Ignored(id=question.id, total=len(names), ignored=tuple(rows))


def _row(gallery: Gallery, in_use: bool) -> wire.VersionRow:
    expected = gallery.classifier.holdout
    return wire.VersionRow(
        version=gallery.version,
        in_use=in_use,
        created_utc=gallery.created_utc,
        people=len(gallery.people.names),
        crops=len(gallery.people.labels),
        weights=gallery.weights,
        fingerprint=gallery.fingerprint,
        named_rightly=expected.named_rightly / expected.crops if expected.crops else None,
        parent=gallery.parent,
    )


def _crops(gallery: Gallery) -> dict[str, int]:
    people = gallery.people
    return {name: int((people.labels == i).sum()) for i, name in enumerate(people.names)}
