"""`facestream capture` and `dispatch`: one process alone, as the supervisor starts it."""

from typing import Annotated

import typer

from streamer.config.loading import load_config
from streamer.errors import ConfigError

Lifeline = Annotated[int | None, typer.Option(hidden=True)]
Rings = Annotated[list[str] | None, typer.Option("--ring", hidden=True)]


def capture(
    context: typer.Context,
    camera: Annotated[str, typer.Argument(help="A camera's name in the config.")],
    lifeline: Lifeline = None,
    ring: Rings = None,
) -> None:
    """Run one camera's capture process alone."""
    from streamer.capture.process import Capture, CapturePorts
    from streamer.runtime.service import inherit_rings, run_role, start_role

    config = load_config(context.obj)
    if camera not in config.cameras:
        raise ConfigError(
            f"{config.path}: no camera {camera!r}. Cameras: {', '.join(config.cameras)}"
        )
    stop = start_role(config, f"capture {camera}")
    ports = CapturePorts(
        config.address("crops"),
        config.address("ingest"),
        config.address("events"),
        inherit_rings(ring or []).get(camera),
    )
    settings = config.cameras[camera]
    if settings.source == "demo":
        from streamer.capture.demo import make_demo

        clip = make_demo(config.data_path / "demo")
        settings = settings.model_copy(
            update={"source": str(clip), "loop": settings.pace != "fast"}
        )
    role = Capture(camera, settings, config.path.parent, ports, config.dispatch.max_age_ms)
    run_role(role, config, stop, lifeline)


def dispatch(context: typer.Context, lifeline: Lifeline = None) -> None:
    """Run the dispatch process alone."""
    from streamer.dispatch.process import Dispatch, DispatchPorts
    from streamer.runtime.service import run_role, start_role

    config = load_config(context.obj)
    stop = start_role(config, "dispatch")
    ports = DispatchPorts(config.address("crops"), config.address("work"), config.address("ingest"))
    run_role(Dispatch(config.dispatch, ports), config, stop, lifeline)
