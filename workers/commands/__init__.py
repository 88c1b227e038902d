"""Sub-commands of this room: thin; TensorFlow is imported only by what uses it."""

import typer

from workers.commands.backup import backup, restore
from workers.commands.demo import prepare_demo
from workers.commands.gallery import app as gallery_app
from workers.commands.roles import embed, identify
from workers.commands.weights import app as weights_app


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    for command in (embed, identify, backup, restore):
        app.command()(command)
    app.command(hidden=True)(prepare_demo)
    app.add_typer(gallery_app)
    app.add_typer(weights_app)
