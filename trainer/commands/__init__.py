"""Sub-commands of this room: thin; TensorFlow is imported only by what uses it."""

import typer

from trainer.commands import (
    clips,
    control,
    enrolment,
    history,
    labelling,
    names,
    offline,
    replay,
    set_aside,
    strangers,
)
from trainer.commands.training import app as train_app


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    enrolment.register(app)
    set_aside.register(app)
    history.register(app)
    strangers.register(app)
    offline.register(app)
    replay.register(app)
    labelling.register(app)
    clips.register(app)
    control.register(app)
    names.register(app)
    app.add_typer(train_app)
