"""`facestream keys`: CURVE keys for tcp, each for a role."""

from pathlib import Path
from typing import Annotated

import typer

from streamer.errors import ConfigError

_Names = list[str] | None


def keys(
    folder: Annotated[Path, typer.Argument(help="Where to keep them.")] = Path("keys"),
    capture: Annotated[
        _Names, typer.Option("--capture", help="A host with cameras; may be repeated.")
    ] = None,
    worker: Annotated[
        _Names, typer.Option("--worker", help="A host with embed workers; may be repeated.")
    ] = None,
    subscriber: Annotated[
        _Names, typer.Option("--subscriber", help="A host that subscribes; may be repeated.")
    ] = None,
    control: Annotated[
        _Names, typer.Option("--control", help="A host that may change people; may be repeated.")
    ] = None,
    client: Annotated[_Names, typer.Option("--client", hidden=True)] = None,
) -> None:
    """Make the CURVE keys that tcp:// addresses need; keys that exist are kept.

    A name may be given to several roles: it has one key, which is admitted for each of them.
    """
    from streamer.bus.curve import keys_without_role, make_keys

    if client:
        raise ConfigError(
            "--client: say what the host may do: --capture NAME, --worker NAME or "
            f"--subscriber NAME. Received: {client[0]!r}"
        )
    made = make_keys(
        folder,
        {
            "capture": capture or [],
            "worker": worker or [],
            "subscriber": subscriber or [],
            "control": control or [],
        },
    )
    for path in made:
        typer.echo(path)
    if not made:
        typer.echo(f"{folder}: all keys are there already")
    for path in keys_without_role(folder):
        typer.echo(
            f"{path} has no role and counts as a subscriber's; to move it to its role, run this "
            f"with --capture, --worker or --subscriber {path.stem}",
            err=True,
        )
