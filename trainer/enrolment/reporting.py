"""What an enrolment tells: what became of everybody, warnings, and where what was refused is."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from streamer.errors import GalleryError
from streamer.files import private_folder, write_file
from trainer.enrolment.contact_sheet import manifest_csv, sheet_jpeg
from trainer.enrolment.intake import Intake
from trainer.enrolment.rows import Face
from workers.gallery.version import Gallery
from workers.names import file_name_of

Tell = Callable[[str], None]


def keep_refused(
    data: Path, name: str, faces: Sequence[Face], files: Sequence[tuple[str, str]]
) -> Path:
    """Write the manifest and contact sheet of somebody who was not enrolled; the folder."""
    folder = data / "refused" / file_name_of(name)
    private_folder(folder)
    write_file(folder / "enrolment.csv", manifest_csv([(name, list(faces), list(files))]))
    if faces:
        write_file(folder / "sheet.jpg", sheet_jpeg(name, list(faces)))
    return folder


def tell_enrolment(
    data: Path,
    gallery: Gallery | None,
    intakes: Mapping[str, Intake],
    already: frozenset[str],
    say: Tell,
    warn: Tell,
) -> None:
    """Tell what became of everybody. Raises GalleryError if nobody was enrolled.

    data: the data folder. already: ids of what was set aside before.
    """
    for name, intake in intakes.items():
        if intake.refused:
            kept = keep_refused(data, name, intake.faces, intake.files)
            warn(f"refused: {name}: {intake.refused}; see {kept}")
            continue
        late = len([face for face in intake.faces if face.refused])
        also = f", {late} refused or not needed" if late else ""
        say(f"{name}: {len(intake.used)} crops enrolled{also}")
        _warn(name, intake, warn)
    if gallery is None:
        raise GalleryError("nobody was enrolled; the gallery stays as it is")
    tell_aside(gallery, already, warn)
    folder = data / "gallery" / "versions" / gallery.version
    say(f"gallery {gallery.version}; what was taken and why: {folder}/enrolment.csv")
    say(gallery.classifier.holdout.sentence())


def tell_aside(gallery: Gallery, already: frozenset[str], warn: Tell) -> None:
    """Tell which crops a change has set aside, and how to undo it."""
    for row in gallery.people.aside.rows:
        if row.id not in already:
            warn(
                f"set aside: {row.source} of {row.person}: {row.reason}; "
                f'undo with: facestream put-back "{row.person}" {row.id}'
            )


def _warn(name: str, intake: Intake, warn: Tell) -> None:
    alike = [face.looks_like for face in intake.used if face.looks_like]
    for other in sorted(set(alike)):
        warn(
            f"warning: {alike.count(other)} of {len(intake.used)} crops of {name} look like "
            f"{other}: one may be taken for the other; more pictures of both help"
        )
    for face in intake.used:
        if face.warning:
            warn(f"warning: {face.source.text}: {face.warning}")
