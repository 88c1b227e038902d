"""Sub-commands of this room: thin; TensorFlow is imported only by what uses it."""

import typer

from trainer import enrol_commands, file_commands
from trainer.commands.training import app as train_app


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    enrol_commands.register(app)
    file_commands.register(app)
    app.add_typer(train_app)
