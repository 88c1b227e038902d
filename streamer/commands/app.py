"""The command `facestream`, put together: each room brings its own sub-commands."""

from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="facestream",
    help="Names the people in live video.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _common(
    context: typer.Context,
    config: Annotated[
        Path, typer.Option("--config", "-c", help="The config file.", envvar="FACESTREAM_CONFIG")
    ] = Path("config.toml"),
) -> None:
    context.obj = config


def load_app() -> typer.Typer:
    """Return the command with the sub-commands of all rooms."""
    for point in sorted(entry_points(group="facestream.commands"), key=lambda point: point.name):
        point.load()(app)
    return app
