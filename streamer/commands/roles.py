"""`facestream capture`, `dispatch` and `view`: one process alone, as the supervisor starts it."""

import logging
from typing import Annotated

import typer

from streamer.commands.completion import complete_camera
from streamer.config.loading import load_config
from streamer.errors import ConfigError

HeartbeatOption = Annotated[int | None, typer.Option(hidden=True)]
SharedFramesOption = Annotated[list[str] | None, typer.Option("--frames", hidden=True)]


def capture(
    context: typer.Context,
    camera: Annotated[
        str, typer.Argument(help="A camera's name in the config.", autocompletion=complete_camera)
    ],
    heartbeat: HeartbeatOption = None,
    shared_frames: SharedFramesOption = None,
) -> None:
    """Run one camera's capture process alone."""
    from streamer.capture.links import CaptureEndpoints
    from streamer.capture.process import Capture
    from streamer.control.pausing import read_paused
    from streamer.runtime.service import inherit_shared_frames, run_service, start_service
    from streamer.vision.align import alignment_for

    config = load_config(context.obj)
    if camera not in config.cameras:
        raise ConfigError(
            f"{config.path}: no camera {camera!r}. Cameras: {', '.join(config.cameras)}"
        )
    stop = start_service(config, f"capture {camera}")
    if heartbeat is None:  # alone: no display shows the camera's states
        logging.getLogger("streamer.capture").setLevel(logging.INFO)
    endpoints = CaptureEndpoints(
        crops=config.address("crops"),
        ingest=config.address("ingest"),
        events=config.address("events"),
        frames=config.address("frames"),
        pictures=config.address("pictures"),
        shared_frames=inherit_shared_frames(shared_frames or []).get(camera),
    )
    settings = config.cameras[camera]
    if settings.source == "demo":
        from streamer.capture.demo import make_demo

        clip = make_demo(config.data_path / "demo")
        settings = settings.model_copy(
            update={"source": str(clip), "loop": settings.pace != "fast"}
        )
    service = Capture(
        camera,
        settings,
        config.path.parent,
        endpoints,
        config.dispatch.max_age_ms,
        alignment_for(config.embed, config.weights_path),
        paused=config.control.enabled and camera in read_paused(config.paused_path),
    )
    run_service(service, config, stop, heartbeat)


def dispatch(context: typer.Context, heartbeat: HeartbeatOption = None) -> None:
    """Run the dispatch process alone."""
    from streamer.dispatch.process import Dispatch, DispatchEndpoints
    from streamer.runtime.service import run_service, start_service

    config = load_config(context.obj)
    stop = start_service(config, "dispatch")
    endpoints = DispatchEndpoints(
        config.address("crops"),
        config.address("work"),
        config.address("ingest"),
        config.address("kept") if config.keeps_crops else None,
        config.address("asked") if config.control.enabled else None,
    )
    run_service(Dispatch(config.dispatch, endpoints), config, stop, heartbeat)


def view(
    context: typer.Context,
    heartbeat: HeartbeatOption = None,
    shared_frames: SharedFramesOption = None,
) -> None:
    """Run the process that draws and publishes pictures alone."""
    from streamer.runtime.service import inherit_shared_frames, run_service, start_service
    from streamer.view.process import View, ViewEndpoints

    config = load_config(context.obj)
    stop = start_service(config, "view")
    endpoints = ViewEndpoints(
        frames=config.address("frames"),
        pictures=config.address("pictures"),
        events=config.address("events"),
        ingest=config.address("ingest"),
        shared_frames=inherit_shared_frames(shared_frames or []),
    )
    run_service(
        View(list(config.cameras), endpoints, config.view.jpeg_quality), config, stop, heartbeat
    )


def mqtt(context: typer.Context, heartbeat: HeartbeatOption = None) -> None:
    """Run the process that tells an MQTT broker who is there alone."""
    import ssl

    from streamer.config.surroundings import mqtt_faults, mqtt_password
    from streamer.mqtt.broker import BrokerSettings
    from streamer.mqtt.pausing import Pauser
    from streamer.mqtt.process import Mqtt, MqttEndpoints
    from streamer.runtime.service import run_service, start_service

    config = load_config(context.obj)
    settings = config.mqtt
    if not settings.enabled:
        raise ConfigError(f"{config.path}: mqtt.broker: must name a broker. Received: ''")
    if faults := mqtt_faults(config):
        raise ConfigError("\n".join(f"{config.path}: {fault}" for fault in faults))
    stop = start_service(config, "mqtt")
    tls = None
    if settings.tls:
        ca_file = config.path.parent / settings.ca_file if settings.ca_file else None
        tls = ssl.create_default_context(cafile=ca_file)
    broker = BrokerSettings(
        host=settings.broker,
        port=settings.port,
        user=settings.user,
        password=mqtt_password(config),
        tls=tls,
        client_id=settings.client_id,
    )
    endpoints = MqttEndpoints(
        config.address("events"), config.address("ingest"), config.address("pictures")
    )
    pauser = Pauser(config.address("control"), config.security) if config.control.enabled else None
    run_service(Mqtt(settings, config.cameras, endpoints, broker, pauser), config, stop, heartbeat)
