"""Sub-commands of this room: thin; each hands over to the module that does the work."""

import typer

from streamer.commands.check import check
from streamer.commands.history import history, visits
from streamer.commands.init import init
from streamer.commands.keys import keys
from streamer.commands.roles import capture, dispatch, mqtt, view
from streamer.commands.run import run
from streamer.commands.status import status
from streamer.commands.subscribers import record, snapshot, watch
from streamer.commands.web import app as web_app
from streamer.commands.webhooks import webhooks


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    for command in (
        run, init, check, status, watch, record, snapshot, visits, keys, capture, dispatch, view,
        history, mqtt,
    ):  # fmt: skip
        app.command()(command)
    app.add_typer(webhooks)
    app.add_typer(web_app)
