"""Changes of people that need embeddings: enrolling, naming a stranger, who it was not."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from streamer.errors import ControlError, HistoryError
from streamer.history import corrections, queries
from streamer.history.database import history
from streamer.history.forgetting import remove_sheet
from streamer.wire.control import (
    EnrolFolder,
    Enrolment,
    EnrolPaths,
    EnrolPictures,
    NameStranger,
    NotHer,
)
from trainer.control.changes import new_name
from trainer.control.desk import Desk
from trainer.control.work import Work
from workers.names import composed_name

if TYPE_CHECKING:
    from streamer.history.queries import StoredCrop
    from trainer.enrolment.bulk import Rules
    from trainer.enrolment.intake import Intake
    from trainer.enrolment.rows import Harvest
    from workers.gallery.version import Gallery

NOTHING_NEW = "nothing new"


def part_path(folder: Path, number: int) -> Path:
    """Return where a change keeps a picture that came with it."""
    return folder / f"part-{number:03d}"


def enrol_pictures(desk: Desk, change: EnrolPictures, work: Work) -> None:
    """Enrol somebody from the pictures that lie in the change's folder."""
    from trainer.control.harvesting import PICTURE_S, Wanted, harvest_files

    person = new_name(change.person)
    files = [
        Wanted(
            person,
            part_path(work.folder, number),
            PICTURE_S,
            Path(picture.name).name or f"picture {number + 1}",
        )
        for number, picture in enumerate(change.pictures)
    ]
    enrol_found(desk, change, harvest_files(files, _rules(desk), work)[person], work)


def enrol_paths(desk: Desk, change: EnrolPaths, work: Work) -> None:
    """Enrol somebody from photos, folders and clips on this host."""
    from trainer.control.harvesting import Wanted, harvest_files, limit_of
    from trainer.enrolment.harvest import media_below
    from trainer.enrolment.rows import Harvest

    person, nowhere = new_name(change.person), Harvest()
    media = media_below([Path(path) for path in change.paths], nowhere)
    files = [Wanted(person, path, limit_of(path)) for path in media]
    found = harvest_files(files, _rules(desk), work).get(person, Harvest())
    found.refused_files[:0] = nowhere.refused_files
    enrol_found(desk, change, found, work)


def enrol_folder(desk: Desk, change: EnrolFolder, work: Work) -> None:
    """Enrol everybody in a folder, in one version; of whom nothing can be used, it is told."""
    from trainer.control.harvesting import Wanted, harvest_files, limit_of
    from trainer.enrolment.bulk import people_in
    from trainer.enrolment.harvest import media_below
    from trainer.enrolment.reporting import tell_enrolment
    from trainer.enrolment.rows import Harvest

    people = {new_name(name): paths for name, paths in people_in(Path(change.folder)).items()}
    work.people = list(people)
    harvests = {person: Harvest() for person in people}
    files = [
        Wanted(person, path, limit_of(path))
        for person, paths in people.items()
        for path in media_below(paths, harvests[person])
    ]
    for person, found in harvest_files(files, _rules(desk), work).items():
        harvests[person].faces += found.faces
        harvests[person].refused_files += found.refused_files
    already = desk.set_aside()
    gallery, intakes = _enrol(desk, change, harvests, work)
    new = [each for each in intakes.values() if not each.refused.startswith(NOTHING_NEW)]
    if gallery is None and work.resumed and not new:
        work.version = desk.store.current_version() or ""
        return
    work.version = "" if gallery is None else gallery.version
    tell_enrolment(desk.config.data_path, gallery, intakes, already, work.say, work.warn)


def name_stranger(desk: Desk, change: NameStranger, work: Work) -> None:
    """Enrol a stranger from what was kept, and give earlier visits the name."""
    from trainer.enrolment.kept import harvest_of

    person, path = new_name(change.person), desk.config.history_path
    with history(path) as connection:
        kept = queries.crops_of_stranger(connection, change.stranger)
        if not kept and work.resumed and _is_named(connection, change.stranger, person):
            work.say(f"{change.stranger} is {person}")
            return
        if not kept:
            raise HistoryError(
                f"nothing is kept of {change.stranger!r:.60}; see facestream unknowns"
            )
        # Where this was killed before, all crops are enrolled, and the rest is done.
        enrol_found(desk, change, harvest_of(of_weights(kept, desk.weights)), work, again=True)
        visits = corrections.name_stranger(
            connection, change.stranger, person, desk.config.history.snapshots
        )
        remove_sheet(path)
    work.say(f"{change.stranger} is {person}, in {visits} earlier visits, too")


def not_her(desk: Desk, change: NotHer, work: Work) -> None:
    """Take a person's name from an event's visit; the crop that was kept of it is learnt from."""
    from trainer.enrolment.kept import learn_not

    person = composed_name(change.person)
    with history(desk.config.history_path) as connection:
        visit, who = queries.visit_of_event(connection, change.event)
        kept = queries.crops_of_visit(connection, visit)
        if who != person:
            raise HistoryError(
                f"event {change.event} must be of {person}. It is of {who or 'nobody enrolled'}"
            )
        if kept:
            crops = of_weights(kept, desk.weights)
            work.progress("embedding")
            saved = learn_not(
                desk.store,
                person,
                crops,
                embedder=desk.embedder(work),
                impostors=desk.impostors,
                spec=desk.spec,
            )
            work.version = saved.version
        corrections.not_this_person(connection, visit, person, desk.config.strangers.keep)
    if kept:
        work.say(f"gallery {work.version} knows {len(kept)} crops that are not {person}")
        return
    work.say(
        "the visit is nobody's now, but nothing can be learnt from it: no crop of it was "
        "kept; set history.snapshots = true to keep one of each visit"
    )


def enrol_found(
    desk: Desk, change: Enrolment, found: "Harvest", work: Work, again: bool = False
) -> None:
    """Enrol what was found of a person. Raises FacestreamError where nothing can be used of it.

    again: crops that are all enrolled already are no fault.
    """
    from trainer.enrolment.reporting import keep_refused, tell_enrolment

    person, data = new_name(change.person), desk.config.data_path
    for where, why in found.refused:
        work.warn(f"refused: {where}: {why}")
    if not found.usable:
        kept = keep_refused(data, person, found.faces, found.refused_files)
        raise ControlError(f"{person} was not enrolled: no picture can be used; see {kept}")
    already = desk.set_aside()
    gallery, intakes = _enrol(desk, change, {person: found}, work)
    intake = intakes[person]
    if gallery is not None:
        work.version = gallery.version
    elif intake.refused.startswith(NOTHING_NEW) and (again or work.resumed):
        work.version = desk.store.current_version() or ""
        return
    else:
        work.looks_like = intake.looks_like
        kept = keep_refused(data, person, intake.faces, intake.files)
        raise ControlError(f"{person} was not enrolled: {intake.refused}; see {kept}")
    tell_enrolment(data, gallery, intakes, already, work.say, work.warn)


def _enrol(
    desk: Desk, change: Enrolment | EnrolFolder, harvests: "dict[str, Harvest]", work: Work
) -> "tuple[Gallery | None, dict[str, Intake]]":
    from trainer.enrolment.enrol import enrol

    work.progress("embedding")
    return enrol(
        desk.store,
        harvests,
        embedder=desk.embedder(work),
        impostors=desk.impostors,
        rules=desk.config.enrol,
        spec=desk.spec,
        force=change.force,
        accept=_answer(change, work),
    )


def of_weights(crops: "list[StoredCrop]", weights: str) -> "list[StoredCrop]":
    """Return the crops, all cut as the network in use wants them. Raises HistoryError."""
    fitting = [crop for crop in crops if crop.weights == weights]
    if not fitting:
        raise HistoryError(
            f"what was kept was made with weights {crops[0].weights}, and {weights} are in use; "
            f"wait until they are seen again"
        )
    return fitting


def _rules(desk: Desk) -> "Rules":
    from streamer.vision.align import alignment_for

    config = desk.config
    return config.enrol, config.detect, alignment_for(config.embed, config.weights_path)


def _is_named(connection: sqlite3.Connection, stranger: str, person: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM strangers WHERE id = ? AND state = 'named' AND person = ?",
        (stranger, person),
    )
    return found.fetchone() is not None


def _answer(change: Enrolment | EnrolFolder, work: Work) -> Callable[[str, str], bool]:
    """Return what says whether two people who look alike are two: as the asker has said before."""

    def accept(name: str, other: str) -> bool:
        work.check()
        return change.accept_look_alikes

    return accept
