"""Forgetting a person, under every name, and what is told of it."""

import contextlib
from typing import TYPE_CHECKING

from streamer.errors import GalleryError, HistoryError, WeightsError
from streamer.history.database import history
from streamer.history.forgetting import forget_visits, is_damaged
from streamer.history.queries import strangers_crops
from streamer.wire.control import Forget
from trainer.control.desk import Desk
from trainer.control.work import Work
from workers.gallery.notes import Note, read_notes
from workers.names import composed_name

if TYPE_CHECKING:
    from workers.gallery.purge import Removal


def forget(desk: Desk, change: Forget, work: Work) -> None:
    """Delete all that the data folder holds of a person, by former names, too."""
    name, store = composed_name(change.person), desk.store
    work.progress("forgetting")
    with store.lock() as finished:
        _forget_as_stranger(desk, name, work)
        former = Note()
        with contextlib.suppress(GalleryError):
            former = read_notes(store.folder).get(name, Note())
        found = [store.forget(old.name, old.before) for old in former.formerly]
        found.append(store.forget(name) if name else None)
        removals = [*finished, *(removal for removal in found if removal is not None)]
        for each in removals:
            _tell(work, each)
        if not removals and work.resumed:
            work.say("forgotten before the process was started again")
        elif name not in [each.name for each in removals]:
            raise GalleryError(
                f"{name!r} is not enrolled, and nothing in {desk.config.data_path} is of that "
                f"name; see who is with: facestream people"
            )
        if store.current_version() in [new for each in removals for new in each.versions.values()]:
            _fit_anew(desk, work)
        work.version = store.current_version() or ""
    desk.empty_memory(work)


def _forget_as_stranger(desk: Desk, name: str, work: Work) -> None:
    """Delete visits of strangers kept who are probably this person; first, while that is known."""
    from trainer.enrolment.find import find_person

    try:
        gallery = desk.store.read()
    except GalleryError:
        return  # what is damaged tells nobody
    path = desk.config.history_path
    if gallery is None or name not in gallery.people.names or not path.is_file():
        return
    try:
        with history(path) as connection:
            crops = strangers_crops(connection, gallery.weights)
            count = forget_visits(connection, find_person(gallery, name, crops))
    except HistoryError as error:
        if not is_damaged(path, error):
            raise
        return  # `forget` deletes it as a whole
    if count:
        work.say(f"{count} visits of strangers who were kept and look like {name} are deleted")


def _tell(work: Work, removal: "Removal") -> None:
    work.say(f"{removal.name} is forgotten; deleted:")
    if removal.visits:
        work.say(f"  history: {removal.visits} visits")
    for old, new in removal.versions.items():
        instead = f"in its place is {new}" if new else "nobody else was in it, or it was damaged"
        work.say(f"  gallery {old}; {instead}")
    for path in removal.paths:
        work.say(f"  {path}")


def _fit_anew(desk: Desk, work: Work) -> None:
    """Fit the gallery in use to those who are left, if what that needs is there."""
    from workers.classifier.impostors import load_impostors

    gallery = desk.store.read()
    if gallery is None or not gallery.people.names:
        return
    try:
        impostors = load_impostors(desk.config.weights_path, gallery.weights)
    except WeightsError as error:
        work.warn(f"not fitted anew to the others: {error}")
        return
    saved = desk.store.refit(impostors, desk.spec)
    work.say(f"gallery {saved.version} is in use, fitted anew to the others")
