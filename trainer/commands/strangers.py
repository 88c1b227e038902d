"""`facestream unknowns`, `name`, `not`, `ignore`: strangers who were kept, and corrections."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from streamer.commands.completion import complete_stranger
from streamer.commands.history import AsJson, Since, local_time, moment_ms
from streamer.config.loading import load_config
from streamer.control.line import new_request_id
from streamer.files import write_file
from streamer.history import corrections, queries
from streamer.history.database import history
from streamer.wire.control import Ignore, NameStranger, NotHer
from trainer.commands.enrolment import Force
from trainer.commands.performing import perform
from workers.commands.completion import complete_person

_KEPT_SINCE = "strangers are kept only while strangers.keep is true"
Stranger = Annotated[
    str, typer.Argument(help="A stranger, e.g. unknown-17.", autocompletion=complete_stranger)
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (unknowns, name, ignore):
        app.command()(command)
    app.command("not")(not_)


def unknowns(context: typer.Context, since: Since = "", as_json: AsJson = False) -> None:
    """List the strangers who were kept: a sheet of pictures, when, where, how often."""
    from streamer.history.forgetting import SHEET
    from trainer.enrolment.kept import SHOWN_EACH, strangers_sheet

    config = load_config(context.obj)
    since_ms = moment_ms(since, "--since") if since else 0
    with history(config.history_path) as connection:
        people = queries.kept_strangers(connection, since_ms)
        shown = [
            (person, queries.crops_of_stranger(connection, person.name, SHOWN_EACH))
            for person in people
        ]
    if not people:
        typer.echo(f"no stranger is kept; {_KEPT_SINCE}", err=True)
        return
    sheet = config.history_path.with_name(SHEET)
    write_file(sheet, strangers_sheet(shown))
    if as_json:
        for person in people:
            row = {
                "stranger": person.name,
                "visits": person.visits,
                "crops": person.crops,
                "cameras": list(person.cameras),
                "first_utc": queries.utc_of(person.first_ms),
                "last_utc": queries.utc_of(person.last_ms),
                "sheet": str(sheet),
            }
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    table = Table(title="strangers", title_justify="left")
    for column in ("", "last seen", "first seen", "visits", "crops", "cameras"):
        table.add_column(column)
    for person in people:
        first, last = (queries.utc_of(ms) for ms in (person.first_ms, person.last_ms))
        table.add_row(
            person.name,
            local_time(last),
            local_time(first),
            str(person.visits),
            str(person.crops),
            ", ".join(person.cameras),
        )
    Console().print(table)
    typer.echo(f"their pictures: {sheet}")


def name(
    context: typer.Context,
    stranger: Stranger,
    person: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Who it is, enrolled or not.", autocompletion=complete_person
        ),
    ],
    force: Force = False,
) -> None:
    """Enrol a stranger from what was kept; earlier visits get the name, too."""
    change = NameStranger(id=new_request_id(), stranger=stranger, person=person, force=force)
    perform(load_config(context.obj), change)


def not_(
    context: typer.Context,
    person: Annotated[
        str, typer.Argument(metavar="NAME", help="Who it was not.", autocompletion=complete_person)
    ],
    event: Annotated[str, typer.Argument(help="The id of an event: facestream events.")],
) -> None:
    """Say that an event was not that person but somebody else; the crop is learnt from."""
    perform(load_config(context.obj), NotHer(id=new_request_id(), person=person, event=event))


def ignore(
    context: typer.Context,
    who: Annotated[
        str,
        typer.Argument(
            help="A stranger, e.g. unknown-17, or a name.", autocompletion=complete_person
        ),
    ] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Ignore them no more.")] = False,
) -> None:
    """Have somebody be in no event from now on; without a name, list who is ignored.

    Their visits are deleted. Of a stranger only what they are known by is kept.
    """
    config = load_config(context.obj)
    if who:
        perform(config, Ignore(id=new_request_id(), who=who, undo=undo))
        return
    with history(config.history_path) as connection:
        for each in corrections.ignored(connection):
            typer.echo(each)
