"""`facestream enrol`, `enrol-folder`, `people`, `forget`, `rebuild`: who is in the gallery."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from streamer.config.loading import load_config
from streamer.config.sections import Config
from streamer.errors import GalleryError, WeightsError
from streamer.files import write_file
from streamer.runtime.cores import available_cores
from trainer.support.progress import progress_bar
from trainer.support.stopping import stoppable

if TYPE_CHECKING:
    from trainer.enrolment.bulk import Rules
    from trainer.enrolment.enrol import Intake
    from trainer.enrolment.rows import Face
    from workers.classifier.impostors import Impostors
    from workers.embedding.embedder import Embedder
    from workers.gallery.purge import Removal
    from workers.gallery.store import GalleryStore
    from workers.gallery.version import Gallery

Force = Annotated[bool, typer.Option("--force", help="Even if they look like somebody enrolled.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (enrol, enrol_folder, people, forget, rebuild):
        app.command()(command)


def enrol(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The person's name.")],
    paths: Annotated[list[Path], typer.Argument(help="Photos, folders and clips of them.")],
    force: Force = False,
) -> None:
    """Enrol a person from photos, folders and clips; a running pipeline takes it up."""
    from trainer.enrolment.enrol import enrol as enrol_people
    from trainer.enrolment.harvest import harvest
    from workers.classifier.fitting import spec_of
    from workers.gallery.store import GalleryStore
    from workers.names import check_name

    config = load_config(context.obj)
    name = check_name(name)
    console = Console(stderr=True)
    with console.status("looking for faces") as status:
        found = harvest(
            paths,
            *rules_of(config),
            lambda path: status.update(f"looking at {path}"),
        )
    for where, why in found.refused:
        typer.echo(f"refused: {where}: {why}", err=True)
    if not found.usable:
        kept = _keep_refused(config, name, found.faces, found.refused_files)
        raise GalleryError(f"{name} was not enrolled: no picture can be used; see {kept}")
    with console.status("embedding"):
        embedder, impostors = network(config)
        gallery, intakes = enrol_people(
            GalleryStore(config.gallery_path),
            {name: found},
            embedder=embedder,
            impostors=impostors,
            rules=config.enrol,
            spec=spec_of(config.identify),
            force=force,
        )
    _report(config, gallery, intakes)


def enrol_folder(
    context: typer.Context,
    root: Annotated[Path, typer.Argument(help="A folder or a clip for each person, by name.")],
    force: Force = False,
) -> None:
    """Enrol everybody in a folder: a sub-folder or a clip for each person, by name.

    Stopped or killed, the same command goes on where it was; until the end the gallery in use
    stays as it is.
    """
    from trainer.enrolment.bulk import harvest_people, people_in
    from trainer.enrolment.enrol import enrol as enrol_people
    from workers.classifier.fitting import spec_of
    from workers.gallery.store import GalleryStore
    from workers.names import check_name

    config = load_config(context.obj)
    found = {check_name(name): paths for name, paths in people_in(root).items()}
    work = config.data_path / "work" / "enrol"
    with stoppable() as stopped, progress_bar("people", len(found)) as advance:
        harvests = harvest_people(found, work, rules_of(config), advance, stopped)
    with Console(stderr=True).status("embedding, fitting"):
        embedder, impostors = network(config)
        gallery, intakes = enrol_people(
            GalleryStore(config.gallery_path),
            harvests,
            embedder=embedder,
            impostors=impostors,
            rules=config.enrol,
            spec=spec_of(config.identify),
            force=force,
        )
    shutil.rmtree(work)
    _report(config, gallery, intakes)


def people(context: typer.Context) -> None:
    """List the people who are enrolled."""
    from workers.gallery.store import GalleryStore

    config = load_config(context.obj)
    gallery = GalleryStore(config.gallery_path).read()
    if gallery is None or not gallery.people.names:
        typer.echo("nobody is enrolled; do it with: facestream enrol NAME PHOTO...")
        return
    table = Table(title=f"gallery {gallery.version}, {gallery.created_utc}", title_justify="left")
    table.add_column("name")
    table.add_column("crops", justify="right")
    for index, name in enumerate(gallery.people.names):
        table.add_row(name, str(int((gallery.people.labels == index).sum())))
    Console().print(table)


def forget(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The person's name.")],
) -> None:
    """Forget a person: all that the data folder holds of them is deleted.

    That is crops, numbers, names and contact sheets in every version of the gallery, refused
    pictures, unfinished work, reports and exports. Killed, the same command goes on.
    """
    from workers.gallery.store import GalleryStore
    from workers.names import composed_name

    config = load_config(context.obj)
    name = composed_name(name)
    store = GalleryStore(config.gallery_path)
    with store.lock() as finished:
        removal = store.forget(name) if name else None
        removals = [*finished, *([removal] if removal else [])]
        for each in removals:
            _tell_removal(each)
        if name not in [each.name for each in removals]:
            raise GalleryError(
                f"{name!r} is not enrolled, and nothing in {config.data_path} is of that name; "
                f"see who is with: facestream people"
            )
        if store.current_version() in [new for each in removals for new in each.versions.values()]:
            _fit_anew(store, config)


def rebuild(context: typer.Context) -> None:
    """Make the gallery anew from its crops, after a change of weights or of identify settings."""
    from dataclasses import replace

    from trainer.enrolment.enrol import embed_all
    from trainer.enrolment.realign import realigned
    from workers.classifier.fitting import spec_of
    from workers.gallery.store import GalleryStore

    config = load_config(context.obj)
    store = GalleryStore(config.gallery_path)
    with store.lock():
        gallery = store.read()
        if gallery is None:
            raise GalleryError("nobody is enrolled; there is nothing to rebuild")
        embedder, impostors = network(config)
        people = realigned(gallery.people, embedder.alignment)
        vectors = embed_all(people.crops_rgb, embedder)
        saved = store.save(
            replace(people, embeddings=vectors),
            embedder.fingerprint,
            impostors,
            spec_of(config.identify),
        )
    typer.echo(f"gallery {saved.version} is made with weights {saved.weights}")


def rules_of(config: Config) -> "Rules":
    """Return what a harvest of faces goes by."""
    from streamer.vision.align import alignment_for

    return config.enrol, config.detect, alignment_for(config.embed, config.weights_path)


def network(config: Config) -> "tuple[Embedder, Impostors]":
    """Load the embedder and the impostors that the config asks for."""
    from workers.classifier.impostors import load_impostors
    from workers.embedding.embedder import load_embedder

    embedder = load_embedder(
        config.weights_path, config.embed, available_cores(), config.answers_path
    )
    return embedder, load_impostors(config.weights_path, embedder.fingerprint)


def _report(config: Config, gallery: "Gallery | None", intakes: "Mapping[str, Intake]") -> None:
    for name, intake in intakes.items():
        if intake.refused:
            kept = _keep_refused(config, name, intake.faces, intake.files)
            typer.echo(f"refused: {name}: {intake.refused}; see {kept}", err=True)
            continue
        late = len([face for face in intake.faces if face.refused])
        also = f", {late} refused or not needed" if late else ""
        typer.echo(f"{name}: {len(intake.used)} crops enrolled{also}")
    if gallery is None:
        raise GalleryError("nobody was enrolled; the gallery stays as it is")
    folder = config.gallery_path / "versions" / gallery.version
    typer.echo(f"gallery {gallery.version}; what was taken and why: {folder}/enrolment.csv")
    typer.echo(gallery.classifier.holdout.sentence())


def _tell_removal(removal: "Removal") -> None:
    typer.echo(f"{removal.name} is forgotten; deleted:")
    for old, new in removal.versions.items():
        instead = f"in its place is {new}" if new else "nobody else was in it, or it was damaged"
        typer.echo(f"  gallery {old}; {instead}")
    for path in removal.paths:
        typer.echo(f"  {path}")


def _fit_anew(store: "GalleryStore", config: Config) -> None:
    """Fit the gallery in use to those who are left, if what that needs is there."""
    from workers.classifier.fitting import spec_of
    from workers.classifier.impostors import load_impostors

    gallery = store.read()
    if gallery is None or not gallery.people.names:
        return
    try:
        impostors = load_impostors(config.weights_path, gallery.weights)
    except WeightsError as error:
        typer.echo(f"not fitted anew to the others: {error}", err=True)
        return
    saved = store.refit(impostors, spec_of(config.identify))
    typer.echo(f"gallery {saved.version} is in use, fitted anew to the others")


def _refused_folder(config: Config, name: str) -> Path:
    from workers.names import file_name_of

    return config.data_path / "refused" / file_name_of(name)


def _keep_refused(
    config: Config, name: str, faces: "list[Face]", files: list[tuple[str, str]]
) -> Path:
    """Write the manifest and contact sheet of somebody who was not enrolled; the folder."""
    from trainer.enrolment.contact_sheet import manifest_csv, sheet_jpeg

    folder = _refused_folder(config, name)
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "enrolment.csv", manifest_csv([(name, faces, files)]))
    if faces:
        write_file(folder / "sheet.jpg", sheet_jpeg(name, faces))
    return folder
