"""`facestream capture` and `dispatch`: one process alone, as the supervisor starts it."""

import logging
from typing import Annotated

import typer

from streamer.config.loading import load_config
from streamer.errors import ConfigError

HeartbeatOption = Annotated[int | None, typer.Option(hidden=True)]
SharedFramesOption = Annotated[list[str] | None, typer.Option("--frames", hidden=True)]


def capture(
    context: typer.Context,
    camera: Annotated[str, typer.Argument(help="A camera's name in the config.")],
    heartbeat: HeartbeatOption = None,
    shared_frames: SharedFramesOption = None,
) -> None:
    """Run one camera's capture process alone."""
    from streamer.capture.process import Capture, CaptureEndpoints
    from streamer.runtime.service import inherit_shared_frames, run_service, start_service

    config = load_config(context.obj)
    if camera not in config.cameras:
        raise ConfigError(
            f"{config.path}: no camera {camera!r}. Cameras: {', '.join(config.cameras)}"
        )
    stop = start_service(config, f"capture {camera}")
    if heartbeat is None:  # alone: no display shows the camera's states
        logging.getLogger("streamer.capture").setLevel(logging.INFO)
    ports = CaptureEndpoints(
        config.address("crops"),
        config.address("ingest"),
        config.address("events"),
        inherit_shared_frames(shared_frames or []).get(camera),
    )
    settings = config.cameras[camera]
    if settings.source == "demo":
        from streamer.capture.demo import make_demo

        clip = make_demo(config.data_path / "demo")
        settings = settings.model_copy(
            update={"source": str(clip), "loop": settings.pace != "fast"}
        )
    role = Capture(camera, settings, config.path.parent, ports, config.dispatch.max_age_ms)
    run_service(role, config, stop, heartbeat)


def dispatch(context: typer.Context, heartbeat: HeartbeatOption = None) -> None:
    """Run the dispatch process alone."""
    from streamer.dispatch.process import Dispatch, DispatchEndpoints
    from streamer.runtime.service import run_service, start_service

    config = load_config(context.obj)
    stop = start_service(config, "dispatch")
    ports = DispatchEndpoints(
        config.address("crops"), config.address("work"), config.address("ingest")
    )
    run_service(Dispatch(config.dispatch, ports), config, stop, heartbeat)
