"""`facestream enrol`, `enrol-folder`, `people`, `forget`, `rebuild`: who is in the gallery."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from streamer.bus.sockets import is_tcp
from streamer.config.loading import load_config
from streamer.config.sections import Config
from streamer.control.line import new_request_id
from streamer.control.running import running_control
from streamer.errors import FacestreamError, GalleryError
from streamer.runtime.cores import available_cores
from streamer.wire.control import EnrolFolder, EnrolPaths, Forget, Rebuild
from trainer.commands.enrolment_report import (
    ids_set_aside,
    question,
    report_enrolment,
)
from trainer.commands.performing import perform, perform_there
from trainer.support.progress import progress_bar
from trainer.support.stopping import stoppable
from workers.commands.completion import complete_person

if TYPE_CHECKING:
    from trainer.enrolment.bulk import Rules
    from workers.classifier.impostors import Impostors
    from workers.embedding.embedder import Embedder

Force = Annotated[bool, typer.Option("--force", help="Do not check whom the pictures look like.")]
AcceptLookAlikes = Annotated[
    bool,
    typer.Option(
        "--accept-look-alikes", help="Whoever looks like somebody else is another person."
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (enrol, enrol_folder, people, forget, rebuild):
        app.command()(command)


def enrol(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The person's name.", autocompletion=complete_person)],
    paths: Annotated[list[Path], typer.Argument(help="Photos, folders and clips of them.")],
    force: Force = False,
    accept_look_alikes: AcceptLookAlikes = False,
) -> None:
    """Enrol a person from photos, folders and clips; a running pipeline takes it up."""
    from trainer.enrolment.enrol import enrol as enrol_people
    from trainer.enrolment.harvest import harvest
    from trainer.enrolment.reporting import keep_refused
    from workers.classifier.fitting import spec_of
    from workers.gallery.store import GalleryStore

    config = load_config(context.obj)
    name = name_of_somebody(name)
    with running_control(config) as control:
        if control is not None and not is_tcp(config.address("control")):
            change = EnrolPaths(
                id=new_request_id(),
                person=name,
                force=force,
                accept_look_alikes=accept_look_alikes,
                paths=tuple(str(path.absolute()) for path in paths),
            )
            perform_there(control, change)
            return
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
        kept = keep_refused(config.data_path, name, found.faces, found.refused_files)
        raise GalleryError(f"{name} was not enrolled: no picture can be used; see {kept}")
    store = GalleryStore(config.gallery_path)
    already = ids_set_aside(store)
    with console.status("embedding") as status:
        embedder, impostors = network(config)
        gallery, intakes = enrol_people(
            store,
            {name: found},
            embedder=embedder,
            impostors=impostors,
            rules=config.enrol,
            spec=spec_of(config.identify),
            force=force,
            accept=question(accept_look_alikes, status),
        )
    report_enrolment(config, gallery, intakes, already)


def enrol_folder(
    context: typer.Context,
    root: Annotated[Path, typer.Argument(help="A folder or a clip for each person, by name.")],
    force: Force = False,
    accept_look_alikes: AcceptLookAlikes = False,
) -> None:
    """Enrol everybody in a folder: a sub-folder or a clip for each person, by name.

    Stopped or killed, the same command goes on where it was; until the end the gallery in use
    stays as it is.
    """
    from trainer.enrolment.bulk import harvest_people, people_in
    from trainer.enrolment.enrol import enrol as enrol_people
    from workers.classifier.fitting import spec_of
    from workers.gallery.store import GalleryStore

    config = load_config(context.obj)
    with running_control(config) as control:
        if control is not None and not is_tcp(config.address("control")):
            change = EnrolFolder(
                id=new_request_id(),
                folder=str(root.absolute()),
                force=force,
                accept_look_alikes=accept_look_alikes,
            )
            perform_there(control, change)
            return
    found = {name_of_somebody(name): paths for name, paths in people_in(root).items()}
    work = config.data_path / "work" / "enrol"
    with stoppable() as stopped, progress_bar("people", len(found)) as advance:
        harvests = harvest_people(found, work, rules_of(config), advance, stopped)
    store = GalleryStore(config.gallery_path)
    already = ids_set_aside(store)
    with Console(stderr=True).status("embedding, fitting") as status:
        embedder, impostors = network(config)
        gallery, intakes = enrol_people(
            store,
            harvests,
            embedder=embedder,
            impostors=impostors,
            rules=config.enrol,
            spec=spec_of(config.identify),
            force=force,
            accept=question(accept_look_alikes, status),
        )
    shutil.rmtree(work)
    report_enrolment(config, gallery, intakes, already)


def people(context: typer.Context) -> None:
    """List the people who are enrolled."""
    from workers.gallery.notes import Note, read_notes
    from workers.gallery.store import GalleryStore

    config = load_config(context.obj)
    gallery = GalleryStore(config.gallery_path).read()
    if gallery is None or not gallery.people.names:
        typer.echo("nobody is enrolled; do it with: facestream enrol NAME PHOTO...")
        return
    table = Table(title=f"gallery {gallery.version}, {gallery.created_utc}", title_justify="left")
    table.add_column("name")
    table.add_column("crops", justify="right")
    table.add_column("set aside", justify="right")
    table.add_column("expires")
    notes = read_notes(config.gallery_path)
    for index, name in enumerate(gallery.people.names):
        aside = len(gallery.people.aside.of(name))
        crops = int((gallery.people.labels == index).sum())
        expires = notes.get(name, Note()).expires_utc or ""
        table.add_row(name, str(crops), str(aside) if aside else "", expires[:10])
    Console().print(table)


def forget(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The person's name.", autocompletion=complete_person)],
) -> None:
    """Forget a person: all that the data folder holds of them is deleted.

    That is crops, numbers, names and contact sheets in every version of the gallery, refused
    pictures, unfinished work, reports and exports. Killed, the same command goes on.
    """
    perform(load_config(context.obj), Forget(id=new_request_id(), person=name))


def rebuild(context: typer.Context) -> None:
    """Make the gallery anew from its crops, after a change of weights or of identify settings.

    All crops are judged again; what does not fit is set aside (see: facestream set-aside).
    """
    perform(load_config(context.obj), Rebuild(id=new_request_id()))


def name_of_somebody(name: str) -> str:
    """Return a name to enrol by in composed form. Raises FacestreamError for a stranger's."""
    from streamer.history.corrections import is_stranger
    from workers.names import check_name

    name = check_name(name)
    if is_stranger(name):
        raise FacestreamError(f"a name must not be that of a stranger. Received: {name!r}")
    return name


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
