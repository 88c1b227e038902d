"""`facestream web`: the process that serves browsers, alone; `facestream web token`."""

from typing import Annotated

import typer

from streamer.commands.roles import HeartbeatOption
from streamer.config.loading import load_config
from streamer.errors import ConfigError

app = typer.Typer(name="web", invoke_without_command=True)


@app.callback()
def web(context: typer.Context, heartbeat: HeartbeatOption = None) -> None:
    """Serve the page, REST and pictures alone."""
    if context.invoked_subcommand is not None:
        return
    from streamer.runtime.service import run_service, start_service
    from streamer.web.process import Web

    config = load_config(context.obj)
    stop = start_service(config, "web")
    run_service(Web(config), config, stop, heartbeat)


@app.command()
def token(
    context: typer.Context,
    remove: Annotated[
        bool, typer.Option("--remove", help="Let everybody on this host in.")
    ] = False,
) -> None:
    """Make the token that the page and programs are let in with; an earlier one ends.

    It is shown once, and only its hash is kept. From then on it is asked for, here, too.
    """
    from streamer.web.tokens import make_token

    config = load_config(context.obj)
    path = config.web_token_path
    if not remove:
        typer.echo(make_token(path))
        typer.echo("it is shown this once; it is in force from now on", err=True)
        return
    if config.web.needs_token:
        raise ConfigError(
            f"{config.path}: web: needs its token; serve this host alone first: "
            f'web.address = "127.0.0.1" and web.hosts = []'
        )
    path.unlink(missing_ok=True)
    typer.echo("no token is asked for any more")
