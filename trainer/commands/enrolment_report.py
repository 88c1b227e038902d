"""What enrolment asks and tells: look-alikes, warnings, what was refused and set aside."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.status import Status

from streamer.config.sections import Config
from streamer.errors import GalleryError
from streamer.files import write_file

if TYPE_CHECKING:
    from trainer.enrolment.intake import Intake
    from trainer.enrolment.rows import Face
    from workers.gallery.store import GalleryStore
    from workers.gallery.version import Gallery


def question(accept_all: bool, status: Status) -> Callable[[str, str], bool]:
    """Return what asks whether two people who look alike are two; without a terminal, they are not.

    A pair is asked for once, whoever comes first.
    """
    answers: dict[frozenset[str], bool] = {}

    def ask(name: str, other: str) -> bool:
        pair = frozenset((name, other))
        if accept_all or pair in answers:
            return answers.get(pair, True)
        if sys.stdin is None or not sys.stdin.isatty():
            return False
        status.stop()
        answers[pair] = typer.confirm(
            f"the pictures of {name} look like {other}. Is {name} another person?", err=True
        )
        status.start()
        return answers[pair]

    return ask


def ids_set_aside(store: "GalleryStore") -> frozenset[str]:
    """Return the ids of what is set aside before a change; damage is for the change to tell."""
    try:
        gallery = store.read()
    except GalleryError:
        return frozenset()
    return frozenset(row.id for row in gallery.people.aside.rows) if gallery else frozenset()


def tell_set_aside(gallery: "Gallery", already: frozenset[str]) -> None:
    """Tell which crops a change has set aside, and how to undo it."""
    for row in gallery.people.aside.rows:
        if row.id not in already:
            typer.echo(
                f"set aside: {row.source} of {row.person}: {row.reason}; "
                f'undo with: facestream put-back "{row.person}" {row.id}',
                err=True,
            )


def report_enrolment(
    config: Config,
    gallery: "Gallery | None",
    intakes: "Mapping[str, Intake]",
    already: frozenset[str],
) -> None:
    """Tell what became of everybody. Raises GalleryError if nobody was enrolled."""
    for name, intake in intakes.items():
        if intake.refused:
            kept = keep_refused(config, name, intake.faces, intake.files)
            typer.echo(f"refused: {name}: {intake.refused}; see {kept}", err=True)
            continue
        late = len([face for face in intake.faces if face.refused])
        also = f", {late} refused or not needed" if late else ""
        typer.echo(f"{name}: {len(intake.used)} crops enrolled{also}")
        _warn(name, intake)
    if gallery is None:
        raise GalleryError("nobody was enrolled; the gallery stays as it is")
    tell_set_aside(gallery, already)
    folder = config.gallery_path / "versions" / gallery.version
    typer.echo(f"gallery {gallery.version}; what was taken and why: {folder}/enrolment.csv")
    typer.echo(gallery.classifier.holdout.sentence())


def keep_refused(
    config: Config, name: str, faces: "list[Face]", files: list[tuple[str, str]]
) -> Path:
    """Write the manifest and contact sheet of somebody who was not enrolled; the folder."""
    from trainer.enrolment.contact_sheet import manifest_csv, sheet_jpeg
    from workers.names import file_name_of

    folder = config.data_path / "refused" / file_name_of(name)
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "enrolment.csv", manifest_csv([(name, faces, files)]))
    if faces:
        write_file(folder / "sheet.jpg", sheet_jpeg(name, faces))
    return folder


def _warn(name: str, intake: "Intake") -> None:
    alike = [face.looks_like for face in intake.used if face.looks_like]
    for other in sorted(set(alike)):
        typer.echo(
            f"warning: {alike.count(other)} of {len(intake.used)} crops of {name} look like "
            f"{other}: one may be taken for the other; more pictures of both help",
            err=True,
        )
    for face in intake.used:
        if face.warning:
            typer.echo(f"warning: {face.source.text}: {face.warning}", err=True)
