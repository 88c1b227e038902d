"""The command `facestream`: each room brings its own sub-commands."""

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from streamer.errors import FacestreamError

BAD_INPUT = 2

app = typer.Typer(
    name="facestream",
    help="Names the people in live video.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
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


def main() -> None:
    """Run the command; what the user can put right is one line a fault, and exit code 2."""
    for point in sorted(entry_points(group="facestream.commands"), key=lambda point: point.name):
        point.load()(app)
    try:
        app()
    except FacestreamError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"facestream: {line}\n")
        sys.exit(BAD_INPUT)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, as `| head` does


if __name__ == "__main__":
    main()
