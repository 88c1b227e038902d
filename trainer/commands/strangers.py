"""`facestream unknowns`, `name`, `not`, `ignore`: strangers who were kept, and corrections."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from streamer.commands.history import AsJson, Since, local_time, moment_ms
from streamer.config.loading import load_config
from streamer.errors import GalleryError, HistoryError
from streamer.files import write_file
from streamer.history import corrections, queries
from streamer.history.database import history
from trainer.commands.enrolment import Force, name_of_somebody, network
from trainer.commands.enrolment_report import ids_set_aside, report_enrolment

if TYPE_CHECKING:
    from streamer.history.queries import StoredCrop

_KEPT_SINCE = "strangers are kept only while strangers.keep is true"
Stranger = Annotated[str, typer.Argument(help="A stranger, e.g. unknown-17.")]


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
    write_file(sheet, strangers_sheet(shown), mode=0o600)
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
    person: Annotated[str, typer.Argument(metavar="NAME", help="Who it is, enrolled or not.")],
    force: Force = False,
) -> None:
    """Enrol a stranger from what was kept; earlier visits get the name, too."""
    from streamer.history.forgetting import remove_sheet
    from trainer.enrolment.enrol import enrol
    from trainer.enrolment.kept import harvest_of
    from workers.classifier.fitting import spec_of
    from workers.gallery.store import GalleryStore

    config = load_config(context.obj)
    person = name_of_somebody(person)
    with history(config.history_path) as connection:
        kept = queries.crops_of_stranger(connection, stranger)
        if not kept:
            raise HistoryError(f"nothing is kept of {stranger!r:.60}; see facestream unknowns")
        with Console(stderr=True).status("embedding"):
            embedder, impostors = network(config)
            crops = _of_weights(kept, embedder.fingerprint)
            store = GalleryStore(config.gallery_path)
            already = ids_set_aside(store)
            gallery, intakes = enrol(
                store,
                {person: harvest_of(crops)},
                embedder=embedder,
                impostors=impostors,
                rules=config.enrol,
                spec=spec_of(config.identify),
                force=force,
            )
        # Where the command was killed after this, all crops are enrolled, and the rest is done.
        if gallery is not None or not intakes[person].refused.startswith("nothing new"):
            report_enrolment(config, gallery, intakes, already)
        visits = corrections.name_stranger(connection, stranger, person, config.history.snapshots)
        remove_sheet(config.history_path)
    typer.echo(f"{stranger} is {person}, in {visits} earlier visits, too")


def not_(
    context: typer.Context,
    person: Annotated[str, typer.Argument(metavar="NAME", help="Who it was not.")],
    event: Annotated[str, typer.Argument(help="The id of an event: facestream events.")],
) -> None:
    """Say that an event was not that person but somebody else; the crop is learnt from."""
    from trainer.enrolment.kept import learn_not
    from workers.classifier.fitting import spec_of
    from workers.gallery.store import GalleryStore
    from workers.names import composed_name

    config = load_config(context.obj)
    person = composed_name(person)
    with history(config.history_path) as connection:
        visit, who = queries.visit_of_event(connection, event)
        kept = queries.crops_of_visit(connection, visit)
        if who != person:
            raise HistoryError(
                f"event {event} must be of {person}. It is of {who or 'nobody enrolled'}"
            )
        if kept:
            with Console(stderr=True).status("embedding"):
                embedder, impostors = network(config)
                saved = learn_not(
                    GalleryStore(config.gallery_path),
                    person,
                    _of_weights(kept, embedder.fingerprint),
                    embedder=embedder,
                    impostors=impostors,
                    spec=spec_of(config.identify),
                )
        corrections.not_this_person(connection, visit, person, config.strangers.keep)
    if kept:
        typer.echo(f"gallery {saved.version} knows {len(kept)} crops that are not {person}")
    else:
        typer.echo(
            "the visit is nobody's now, but nothing can be learnt from it: no crop of it was "
            "kept; set history.snapshots = true to keep one of each visit"
        )


def ignore(
    context: typer.Context,
    who: Annotated[str, typer.Argument(help="A stranger, e.g. unknown-17, or a name.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Ignore them no more.")] = False,
) -> None:
    """Have somebody be in no event from now on; without a name, list who is ignored.

    Their visits are deleted. Of a stranger only what they are known by is kept.
    """
    from streamer.history.forgetting import clean, remove_sheet
    from workers.names import check_name

    config = load_config(context.obj)
    with history(config.history_path, make=bool(who)) as connection:
        if not who:
            for each in corrections.ignored(connection):
                typer.echo(each)
            return
        who = check_name(who)
        if undo:
            if not corrections.heed(connection, who):
                raise HistoryError(f"{who} is not ignored; see who is with: facestream ignore")
            typer.echo(f"{who} is ignored no more")
            return
        if not corrections.is_stranger(who) and who not in _enrolled(context):
            raise GalleryError(f"{who!r} is not enrolled; see facestream people")
        corrections.ignore(connection, who)
        remove_sheet(config.history_path)
        clean(connection, config.history_path)
    typer.echo(f"{who} is ignored from now on; undo with: facestream ignore --undo {who!r}")


def _enrolled(context: typer.Context) -> tuple[str, ...]:
    from workers.gallery.store import GalleryStore

    gallery = GalleryStore(load_config(context.obj).gallery_path).read()
    return gallery.people.names if gallery else ()


def _of_weights(crops: "list[StoredCrop]", weights: str) -> "list[StoredCrop]":
    """Return the crops, all cut as the network in use wants them. Raises HistoryError."""
    fitting = [crop for crop in crops if crop.weights == weights]
    if not fitting:
        raise HistoryError(
            f"what was kept was made with weights {crops[0].weights}, and {weights} are in use; "
            f"wait until they are seen again"
        )
    return fitting
