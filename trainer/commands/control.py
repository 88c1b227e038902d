"""`facestream control`: the service that changes people, as the supervisor starts it."""

import typer

from streamer.commands.roles import HeartbeatOption
from streamer.config.loading import load_config


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(control)


def control(context: typer.Context, heartbeat: HeartbeatOption = None) -> None:
    """Run the service that changes people alone; without a pipeline it embeds by itself."""
    from threadpoolctl import threadpool_limits

    from streamer.runtime.service import run_service, start_service
    from trainer.control.desk import Desk
    from trainer.control.embedding import Workers
    from trainer.control.process import ControlService

    config = load_config(context.obj)
    stop = start_service(config, "control")
    desk = Desk(config, Workers(config, alone=heartbeat is None))
    # A fit must not take the cores from the cameras.
    threadpool_limits(1, "blas")
    run_service(ControlService(config, desk), config, stop, heartbeat)
