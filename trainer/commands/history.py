"""`facestream events`: what was published; `facestream export`: all that is held of a person."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from streamer.commands.history import (
    AsJson,
    Camera,
    Limit,
    Person,
    Since,
    Until,
    local_time,
    print_json,
    wanted_rows,
    who,
)
from streamer.config.loading import load_config
from streamer.config.sections import Config
from streamer.errors import GalleryError
from streamer.history import queries
from streamer.history.database import history
from workers.commands.completion import complete_person

if TYPE_CHECKING:
    from streamer.history.queries import Wanted


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (events, export):
        app.command()(command)


def events(
    context: typer.Context,
    since: Since = "",
    until: Until = "",
    person: Person = "",
    camera: Camera = "",
    limit: Limit = 1000,
    find: Annotated[
        str, typer.Option("--find", metavar="NAME", help="Look for NAME among strangers kept.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List events of the history; or look for somebody enrolled among the strangers kept."""
    config = load_config(context.obj)
    wanted = wanted_rows(since, until, person, camera, limit)
    if find:
        _show_found(_find(config, find, wanted), find, as_json)
        return
    with history(config.history_path) as connection:
        rows = queries.events(connection, wanted)
    if as_json:
        print_json(rows)
        return
    table = Table(title="events", title_justify="left")
    for column in ("when", "camera", "who", "", "", "id"):
        table.add_column(column, no_wrap=column in ("when", "id"))  # the id is to be copied
    for row in rows:
        table.add_row(
            local_time(row["captured_utc"]),
            row["camera"],
            who(row),
            row["event"],
            f"{row['probability']:.0%}",
            row["id"],
        )
    Console().print(table)


def export(
    context: typer.Context,
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help="Whose data.", autocompletion=complete_person)
    ],
    out: Annotated[Path, typer.Option("--out", help="The .zip file to write.")],
) -> None:
    """Write all that is held of a person into one file: pictures, numbers, events, visits."""
    from trainer.control.person_export import export_person
    from workers.gallery.store import GalleryStore

    config = load_config(context.obj)
    store = GalleryStore(config.gallery_path)
    with store.lock():
        counts = export_person(store, person, out)
    held = ", ".join(f"{count} {what}" for what, count in counts.items())
    typer.echo(f"{out}: {held or 'a mention'}; keep it safe")


def _find(config: Config, name: str, wanted: "Wanted") -> list[dict[str, Any]]:
    """Return visits of strangers that the gallery takes for a person, the most likely first."""
    from trainer.enrolment.find import find_person
    from workers.gallery.store import GalleryStore
    from workers.names import composed_name

    gallery = GalleryStore(config.gallery_path).read()
    name = composed_name(name)
    if gallery is None or name not in gallery.people.names:
        raise GalleryError(f"{name!r} is not enrolled; see facestream people")
    with history(config.history_path) as connection:
        crops = queries.strangers_crops(connection, gallery.weights)
        chances = find_person(gallery, name, crops)
        rows = [row for row in queries.visits(connection, wanted) if row["visit"] in chances]
    found = [{**row, "probability": chances[row["visit"]]} for row in rows]
    return sorted(found, key=lambda row: -float(row["probability"]))


def _show_found(rows: list[dict[str, Any]], name: str, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo(f"{name} is not among the strangers who were kept")
        return
    table = Table(title=f"perhaps {name}", title_justify="left")
    for column in ("from", "to", "camera", "who", "likely"):
        table.add_column(column)
    for row in rows:
        table.add_row(
            local_time(row["entered_utc"]),
            local_time(row["left_utc"])[11:] if row["left_utc"] else "still there",
            row["camera"],
            who(row),
            f"{row['probability']:.0%}",
        )
    Console().print(table)
    typer.echo(f"look at them with facestream unknowns; then facestream name unknown-N {name!r}")
