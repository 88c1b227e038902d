"""Changes of people that embed nothing: names, who is ignored, versions, consent."""

import time
from dataclasses import replace

from streamer.errors import GalleryError, HistoryError
from streamer.files import write_file
from streamer.history import corrections
from streamer.history.database import history
from streamer.history.forgetting import clean, remove_sheet
from streamer.history.renaming import rename_person
from streamer.webhooks.forgetting import forget as forget_deliveries
from streamer.wire.control import Activate, Ignore, Merge, Rename, Rollback, SetConsent
from streamer.wire.timestamps import utc_text
from trainer.control.desk import Desk
from trainer.control.work import Work
from workers.gallery.notes import Note, moment, move_note, read_notes, write_notes
from workers.gallery.renaming import merged, renamed
from workers.names import check_name, composed_name

_STILL_NAMED_S = 1.5
"""A running pipeline takes a version up within a second; until then it uses the old name."""


def rename(desk: Desk, change: Rename, work: Work) -> None:
    """Give somebody another name: in the gallery from its next version on, in the history at once.

    Earlier versions keep the old one; it is noted, so that `forget` finds it there.
    """
    person, name = composed_name(change.person), new_name(change.name)
    with desk.store.lock():
        gallery = desk.in_use()
        if not (work.resumed and name in gallery.people.names):
            people = renamed(gallery.people, person, name)
            move_note(desk.store.folder, person, name, desk.store.next_number())
            gallery = desk.store.relabel(people)
    work.version = gallery.version
    visits = _rename_in_history(desk, person, name)
    work.say(f"{person} is {name} from gallery {gallery.version} on, in {visits} visits, too")


def merge(desk: Desk, change: Merge, work: Work) -> None:
    """Make two people one; earlier versions and what is set aside stay as they are."""
    from trainer.enrolment.judge import judged_again
    from trainer.enrolment.reporting import tell_aside

    person, into = composed_name(change.person), composed_name(change.into)
    already = desk.set_aside()
    work.progress("fitting")
    with desk.store.lock():
        gallery = desk.in_use()
        if not (work.resumed and person not in gallery.people.names):
            desk.store.load(desk.weights)  # or another network has embedded them
            people = merged(gallery.people, person, into)
            people, _ = judged_again(people, desk.impostors, utc_text(time.time_ns()))
            work.check()
            move_note(desk.store.folder, person, into, desk.store.next_number())
            gallery = desk.store.save(people, desk.weights, desk.impostors, desk.spec)
    work.version = gallery.version
    tell_aside(gallery, already, work.warn)
    visits = _rename_in_history(desk, person, into)
    work.say(f"{person} is {into} from gallery {gallery.version} on, in {visits} visits, too")


def ignore(desk: Desk, change: Ignore, work: Work) -> None:
    """Have somebody be in no event from now on, or in events again."""
    path, who = desk.config.history_path, check_name(change.who)
    with history(path, make=True) as connection:
        if change.undo:
            if not corrections.heed(connection, who) and not work.resumed:
                raise HistoryError(f"{who} is not ignored; see who is with: facestream ignore")
            work.say(f"{who} is ignored no more")
            return
        gallery = desk.store.read()
        enrolled = gallery.people.names if gallery is not None else ()
        if not corrections.is_stranger(who) and who not in enrolled:
            raise GalleryError(f"{who!r} is not enrolled; see facestream people")
        corrections.ignore(connection, who)
        remove_sheet(path)
        clean(connection, path)
    desk.empty_memory(work)
    forget_deliveries(desk.config.webhooks_path, who)
    work.say(f"{who} is ignored from now on; undo with: facestream ignore --undo {who!r}")


def activate(desk: Desk, change: Activate, work: Work) -> None:
    """Put a version in use."""
    work.version = change.version.zfill(6)
    with desk.store.lock():
        desk.store.activate(work.version)
    work.say(f"gallery {work.version} is in use")


def rollback(desk: Desk, change: Rollback, work: Work) -> None:
    """Put the version before the one in use (its parent) back in use, once."""
    store, memory = desk.store, work.folder / "rollback"
    with store.lock():
        version = store.current_version()
        if version is None:
            raise GalleryError("nobody is enrolled; there is no version to go back to")
        parent = store.before(version)
        if memory.is_file():  # done, or nearly, by a run that ended
            version, parent = memory.read_text().split()
        else:
            write_file(memory, f"{version} {parent}".encode())
        store.activate(parent)
    work.version = parent
    work.say(f"gallery {parent} is in use; back with: facestream gallery activate {version}")


def set_consent(desk: Desk, change: SetConsent, work: Work) -> None:
    """Note who agreed and until when; it is of the person, whichever version is in use."""
    person, consent = composed_name(change.person), change.consent
    expires = None if change.expires_utc is None else moment(change.expires_utc)
    expires_utc = None if expires is None else f"{expires:%Y-%m-%dT%H:%M:%SZ}"
    with desk.store.lock():
        if person not in desk.in_use().people.names:
            raise GalleryError(f"{person!r} is not enrolled; see who is with: facestream people")
        notes = read_notes(desk.store.folder)
        before = notes.get(person, Note())
        notes[person] = replace(before, consent=consent or None, expires_utc=expires_utc)
        write_notes(desk.store.folder, notes)
    until = f"until {expires_utc}, when they are forgotten" if expires_utc else "without an end"
    work.say(f"{person} is enrolled {until}; consent: {consent or 'none is noted'}")


def new_name(name: str) -> str:
    """Return a name for a person in its one form. Raises GalleryError for one that cannot be."""
    name = check_name(name)
    if corrections.is_stranger(name):
        raise GalleryError(f"a name must not be that of a stranger. Received: {name!r}")
    return name


def _rename_in_history(desk: Desk, person: str, name: str) -> int:
    path = desk.config.history_path
    if not path.is_file():
        return 0
    with history(path) as connection:
        visits = rename_person(connection, person, name)
        if desk.live:
            time.sleep(_STILL_NAMED_S)
        visits += rename_person(connection, person, name, tell=False)
        remove_sheet(path)
        clean(connection, path, write_anew=False)
    return visits
