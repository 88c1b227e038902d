"""Sub-commands of this room: thin; TensorFlow is imported only by what uses it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from streamer.config import Config, load_config
from streamer.errors import GalleryError, PictureError, WeightsError
from trainer.train_commands import app as train_app

if TYPE_CHECKING:
    from workers.embed import Embedder
    from workers.impostors import Impostors


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    for command in (enrol, people, forget, rebuild):
        app.command()(command)
    app.add_typer(train_app)


def enrol(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The person's name.")],
    paths: Annotated[list[Path], typer.Argument(help="Photos, folders and clips of them.")],
    force: Annotated[
        bool, typer.Option("--force", help="Even if they look like somebody enrolled.")
    ] = False,
) -> None:
    """Enrol a person from photos, folders and clips; a running pipeline takes it up."""
    from trainer.enrol import check_name, harvest
    from trainer.enrol import enrol as enrol_person
    from workers.fitting import spec_of
    from workers.gallery import GalleryStore

    config = load_config(context.obj)
    name = check_name(name)
    console = Console(stderr=True)
    with console.status("looking for faces") as status:
        found = harvest(
            paths, config.enrol, config.detect, lambda path: status.update(f"looking at {path}")
        )
    for where, why in found.refused:
        typer.echo(f"refused: {where}: {why}", err=True)
    if not found.crops_rgb:
        raise PictureError(f"{name} was not enrolled: no picture can be used")
    with console.status("embedding"):
        embedder, impostors = _network(config)
        gallery, count = enrol_person(
            GalleryStore(config.gallery_path),
            name,
            found,
            embedder,
            impostors,
            config.enrol,
            spec_of(config.identify),
            force,
        )
    same = len(found.crops_rgb) - count
    also = f" ({same} too like others)" if same else ""
    typer.echo(f"{name}: {count} crops enrolled{also}; gallery {gallery.version}")


def people(context: typer.Context) -> None:
    """List the people who are enrolled."""
    from workers.gallery import GalleryStore

    config = load_config(context.obj)
    gallery = GalleryStore(config.gallery_path).read()
    if gallery is None or not gallery.people.names:
        typer.echo("nobody is enrolled; do it with: facestream enrol NAME PHOTO...")
        return
    table = Table(title=f"gallery {gallery.version}, {gallery.created_utc}", title_justify="left")
    table.add_column("name")
    table.add_column("crops", justify="right")
    for index, name in enumerate(gallery.people.names):
        table.add_row(name, str(int((gallery.people.owner == index).sum())))
    Console().print(table)


def forget(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The person's name.")],
) -> None:
    """Forget a person: their crops and embeddings are deleted, in older versions too."""
    from workers.fitting import spec_of
    from workers.gallery import GalleryStore

    config = load_config(context.obj)
    store = GalleryStore(config.gallery_path)
    with store.lock():
        gallery = store.read()
        if gallery is None:
            raise GalleryError("nobody is enrolled")
        remaining = gallery.people.without_person(name)
        saved = store.save(
            remaining,
            gallery.weights,
            _impostors_at_hand(config),
            spec_of(config.identify),
        )
        dropped = store.drop_versions_with(name)
    typer.echo(f"{name} is forgotten; gallery {saved.version}; deleted: {', '.join(dropped)}")


def rebuild(context: typer.Context) -> None:
    """Make the gallery anew from its crops, after a change of weights."""
    from dataclasses import replace

    from trainer.enrol import embed_all
    from workers.fitting import spec_of
    from workers.gallery import GalleryStore

    config = load_config(context.obj)
    store = GalleryStore(config.gallery_path)
    embedder, impostors = _network(config)
    with store.lock():
        gallery = store.read()
        if gallery is None:
            raise GalleryError("nobody is enrolled; there is nothing to rebuild")
        vectors = embed_all(gallery.people.crops_rgb, embedder)
        saved = store.save(
            replace(gallery.people, embeddings=vectors),
            embedder.fingerprint,
            impostors,
            spec_of(config.identify),
        )
    typer.echo(f"gallery {saved.version} is made with weights {saved.weights}")


def _impostors_at_hand(config: Config) -> "Impostors":
    """Those of the weights in use, or the shipped ones: to forget somebody must always work."""
    from workers.impostors import load_impostors

    try:
        return load_impostors(config.weights_path)
    except WeightsError:
        return load_impostors()


def _network(config: Config) -> "tuple[Embedder, Impostors]":
    import os

    from workers.embed import load_embedder
    from workers.impostors import load_impostors

    embedder = load_embedder(config.weights_path, config.embed, os.cpu_count() or 1)
    return embedder, load_impostors(config.weights_path, embedder.fingerprint)
