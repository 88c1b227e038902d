"""`facestream keys`: CURVE keys for tcp."""

from pathlib import Path
from typing import Annotated

import typer

from streamer.errors import ConfigError


def keys(
    folder: Annotated[Path, typer.Argument(help="Where to keep them.")] = Path("keys"),
    client: Annotated[
        list[str] | None, typer.Option("--client", help="A further host; may be repeated.")
    ] = None,
) -> None:
    """Make the CURVE keys that tcp:// addresses need; keys that exist are kept."""
    from streamer.wire.curve import make_keys

    for name in client or []:
        if not name.replace("-", "").replace("_", "").isalnum():
            raise ConfigError(
                f"--client: a name must be letters, digits, - or _. Received: {name!r}"
            )
    made = make_keys(folder, client or [])
    for path in made:
        typer.echo(path)
    if not made:
        typer.echo(f"{folder}: all keys are there already")
