"""`facestream gallery`: the versions of the gallery, and which of them is in use."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from streamer.config.loading import load_config
from streamer.control.running import running_control
from streamer.errors import GalleryError

if TYPE_CHECKING:
    from workers.gallery.people import People
    from workers.gallery.store import GalleryStore
    from workers.gallery.version import Gallery

app = typer.Typer(
    name="gallery", help="List, compare, activate, export galleries.", no_args_is_help=True
)
Version = Annotated[str, typer.Argument(help="A version, e.g. 7 or 000007.")]


@app.command("list")
def list_(context: typer.Context) -> None:
    """List all versions; the one in use is marked."""
    store = _store(context)
    current = store.current_version()
    table = Table(title="versions of the gallery", title_justify="left")
    for column in ("", "version", "made", "people", "crops", "weights", "named rightly", "parent"):
        table.add_column(column)
    for version in store.versions():
        mark = "in use" if version == current else ""
        try:
            gallery = store.read_version(version)
        except GalleryError as error:
            table.add_row(mark, version, f"cannot be used: {error}")
            continue
        expected = gallery.classifier.holdout
        share = f"{expected.named_rightly / expected.crops:.1%}" if expected.crops else ""
        table.add_row(
            mark,
            version,
            gallery.created_utc[:16].replace("T", " "),
            str(len(gallery.people.names)),
            str(len(gallery.people.labels)),
            gallery.weights,
            share,
            gallery.parent or "",
        )
    Console().print(table)


@app.command()
def activate(context: typer.Context, version: Version) -> None:
    """Put a version in use; a running pipeline takes it up."""
    store, version = _store(context), _full(version)
    with running_control(load_config(context.obj)) as control:
        if control is not None:
            control.activate(version)
        else:
            with store.lock():
                store.activate(version)
    typer.echo(f"gallery {version} is in use")


@app.command()
def rollback(context: typer.Context) -> None:
    """Put the version before this one (its parent) back in use."""
    store = _store(context)
    with running_control(load_config(context.obj)) as control:
        if control is not None:
            typer.echo("\n".join(control.rollback().lines))
            return
    with store.lock():
        version = store.current_version()
        if version is None:
            raise GalleryError("nobody is enrolled; there is no version to go back to")
        parent = store.before(version)
        store.activate(parent)
    typer.echo(f"gallery {parent} is in use; back with: facestream gallery activate {version}")


@app.command()
def diff(context: typer.Context, old: Version, new: Version) -> None:
    """Show what one version has that another has not: people, crops, numbers."""
    store = _store(context)
    before, after = (store.read_version(_full(version)) for version in (old, new))
    table = Table(title=f"{before.version} and {after.version}", title_justify="left")
    for column in ("", before.version, after.version):
        table.add_column(column)
    for label, left, right in _settings(before, after):
        table.add_row(label, left, right)
    had, has = _crops(before.people), _crops(after.people)
    for name in sorted(had.keys() | has.keys()):
        if had.get(name) != has.get(name):
            table.add_row(f"crops of {name}", str(had.get(name, 0)), str(has.get(name, 0)))
    Console().print(table)


@app.command()
def export(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="The .zip file to write.")],
    version: Annotated[str, typer.Option(help="By default the one in use.")] = "",
) -> None:
    """Write a version into one file, to carry to another machine."""
    store = _store(context)
    chosen = _full(version) if version else store.current_version()
    if chosen is None:
        raise GalleryError("nobody is enrolled; there is nothing to export")
    if out.suffix != ".zip" or not out.parent.is_dir():
        raise GalleryError(f"{out}: must end in .zip, in a folder that exists")
    with store.lock():
        store.export(chosen, out)
    typer.echo(f"{out}: gallery {chosen}; it holds faces: keep it safe")


@app.command("import")
def import_(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A .zip file of `facestream gallery export`.")],
) -> None:
    """Take a version from a file; nothing in it is run, and it is not yet put in use."""
    store = _store(context)
    with store.lock():
        gallery = store.import_(path)
    names = ", ".join(gallery.people.names)
    typer.echo(f"gallery {gallery.version}: {names}")
    typer.echo(f"put it in use with: facestream gallery activate {gallery.version}")


def _store(context: typer.Context) -> "GalleryStore":
    from workers.gallery.store import GalleryStore

    return GalleryStore(load_config(context.obj).gallery_path)


def _full(version: str) -> str:
    return version.zfill(6)


def _crops(people: "People") -> dict[str, int]:
    return {name: int((people.labels == i).sum()) for i, name in enumerate(people.names)}


def _settings(before: "Gallery", after: "Gallery") -> list[tuple[str, str, str]]:
    left, right = _described(before), _described(after)
    return [(label, left[label], right[label]) for label in left]


def _described(gallery: "Gallery") -> dict[str, str]:
    return {
        "made": gallery.created_utc,
        "fingerprint": gallery.fingerprint,
        "weights": gallery.weights,
        "classifier": f"{gallery.spec.kind}, C {gallery.spec.C:g}",
        "false accept rate wanted": f"{gallery.spec.false_accept_rate:.2%}",
        "least probability": f"{gallery.classifier.threshold:.4f}",
        "limits for tracks": "yes" if gallery.classifier.limits else "none; facestream rebuild",
        "people": str(len(gallery.people.names)),
        "crops": str(len(gallery.people.labels)),
    }
