"""`facestream rename`, `merge`, `consent`: what people are called, and for how long."""

import re
import time
from typing import Annotated

import typer

from streamer.config.loading import load_config
from streamer.control.line import new_request_id
from streamer.errors import ConfigError
from streamer.wire.control import Merge, Rename, SetConsent
from streamer.wire.timestamps import utc_text
from trainer.commands.performing import perform
from workers.commands.completion import complete_person

_DAYS = {"d": 1.0, "w": 7.0, "y": 365.25}
_DAY_NS = 86_400_000_000_000
_MAX_DAYS = 36_525.0
Name = Annotated[str, typer.Argument(help="The person's name.", autocompletion=complete_person)]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (rename, merge, consent):
        app.command()(command)


def rename(
    context: typer.Context,
    name: Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="The new one.")],
) -> None:
    """Give a person another name, in the history, too; earlier versions keep the old one."""
    perform(load_config(context.obj), Rename(id=new_request_id(), person=name, name=new))


def merge(
    context: typer.Context,
    name: Name,
    into: Annotated[
        str, typer.Argument(metavar="INTO", help="Who it is.", autocompletion=complete_person)
    ],
) -> None:
    """Say that two people are one, who goes on as INTO."""
    perform(load_config(context.obj), Merge(id=new_request_id(), person=name, into=into))


def consent(
    context: typer.Context,
    name: Name,
    note: Annotated[str, typer.Option(help="Who agreed, when, and to what.")] = "",
    expires: Annotated[
        str, typer.Option(help="When they are forgotten: in 30d, 4w, 1y, or 2027-05-01.")
    ] = "",
) -> None:
    """Note that a person agreed, and until when; without options, delete what was noted."""
    change = SetConsent(
        id=new_request_id(),
        person=name,
        consent=note or None,
        expires_utc=_moment(expires) if expires else None,
    )
    perform(load_config(context.obj), change)


def _moment(text: str) -> str:
    """Return the time of `30d` (from now) or of a date, as RFC 3339. Raises ConfigError."""
    found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([dwy])", text)
    if found is None:
        return text
    days = float(found[1]) * _DAYS[found[2]]
    if days > _MAX_DAYS:
        raise ConfigError(f"--expires: must be within 100 years. Received: {text!r}")
    return utc_text(time.time_ns() + round(days * _DAY_NS))
