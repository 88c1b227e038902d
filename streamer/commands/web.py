"""`facestream web`: the process that serves browsers, alone."""

import typer

from streamer.commands.roles import HeartbeatOption
from streamer.config.loading import load_config

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
