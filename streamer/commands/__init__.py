"""Sub-commands of this room: thin; each hands over to the module that does the work."""

import typer

from streamer.commands.check import check
from streamer.commands.history import history, visits
from streamer.commands.keys import keys
from streamer.commands.roles import capture, dispatch, view
from streamer.commands.run import run
from streamer.commands.subscribers import record, snapshot, watch
from streamer.commands.web import app as web_app


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    for command in (
        run, check, watch, record, snapshot, visits, keys, capture, dispatch, view, history,
    ):  # fmt: skip
        app.command()(command)
    app.add_typer(web_app)
