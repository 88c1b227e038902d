"""`facestream watch`, `record` and `snapshot`: what a running pipeline publishes."""

import contextlib
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from streamer.client.subscriber import Subscriber
from streamer.commands.completion import complete_camera
from streamer.config.loading import load_config
from streamer.config.sections import Config
from streamer.errors import ConfigError
from streamer.wire.messages import CorrectionEvent, IdentityEvent

Address = Annotated[str, typer.Option(help="Where to subscribe; by default the bus of the config.")]

OneCamera = Annotated[
    str,
    typer.Option(help="Which camera; by default the first.", autocompletion=complete_camera),
]


def watch(
    context: typer.Context,
    address: Address = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    count: Annotated[int, typer.Option(min=0, help="Stop after so many events.")] = 0,
) -> None:
    """Show who enters, is seen and leaves, from a running pipeline."""
    from streamer.client.console import correction_line, event_line

    config = load_config(context.obj)
    console = Console()
    shown = 0
    topics = ("identity/", "correction")
    with subscriber_of(config, address, topics) as subscriber, _quiet_interrupt():
        while not count or shown < count:
            received = subscriber.receive()
            if received and isinstance(received[0], CorrectionEvent) and not as_json:
                console.print(correction_line(received[0]), highlight=False, soft_wrap=True)
            if received is None or not isinstance(received[0], IdentityEvent):
                continue
            shown += 1
            if as_json:
                typer.echo(json.dumps(dataclasses.asdict(received[0]), ensure_ascii=False))
                sys.stdout.flush()
            else:
                console.print(event_line(received[0]), highlight=False, soft_wrap=True)
    if subscriber.missed:
        typer.echo(f"{subscriber.missed} events were missed", err=True)


def record(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="The clip: .mp4, .avi or .mkv.")],
    seconds: Annotated[float, typer.Option(min=0.1, max=86_400, help="How long.")] = 10.0,
    camera: OneCamera = "",
    fps: Annotated[float, typer.Option(min=1, max=120, help="Frames a second of the clip.")] = 25.0,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for a picture.")] = 20.0,
    address: Address = "",
) -> None:
    """Record the annotated pictures of a camera to a clip."""
    from rich.progress import Progress

    from streamer.client.recorder import check_clip_path
    from streamer.client.recorder import record as record_clip

    config = load_config(context.obj)
    check_clip_path(path)
    topic = _frame_topic(config, camera, address)
    with (
        subscriber_of(config, address, (topic,), "pictures") as subscriber,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("recording", total=seconds)
        came = record_clip(
            subscriber, path, seconds=seconds, fps=fps, timeout_s=timeout,
            on_progress=lambda done: progress.update(task, completed=done),
        )  # fmt: skip
    typer.echo(f"{path}: {seconds:g} s, {came} pictures")


def snapshot(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="The picture: .jpg, .png, .bmp or .webp.")],
    camera: OneCamera = "",
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for a picture.")] = 20.0,
    address: Address = "",
) -> None:
    """Save one annotated picture of a camera."""
    from streamer.client.recorder import check_picture_path
    from streamer.client.recorder import snapshot as take_snapshot

    config = load_config(context.obj)
    check_picture_path(path)
    topic = _frame_topic(config, camera, address)
    with subscriber_of(config, address, (topic,), "pictures") as subscriber:
        event = take_snapshot(subscriber, path, timeout)
    width, height = event.frame_wh
    typer.echo(f"{path}: {event.camera} {event.captured_utc} {width}x{height}")


def subscriber_of(
    config: Config, address: str, topics: tuple[str, ...], bus: str = "events"
) -> Subscriber:
    """Open a subscriber at this address, or at a bus of the config if it is empty."""
    security = config.security
    return Subscriber(
        config.resolve(address) if address else config.address(bus),
        topics,
        security.keys,
        security.insecure,
    )


def _frame_topic(config: Config, camera: str, address: str) -> str:
    if not camera:
        camera = next(iter(config.cameras))
    elif camera not in config.cameras and not address:
        raise ConfigError(
            f"{config.path}: no camera {camera!r}. Cameras: {', '.join(config.cameras)}"
        )
    return f"frame/{camera}"


@contextlib.contextmanager
def _quiet_interrupt() -> Iterator[None]:
    """Ctrl-C ends a command that would go on for ever; it is no fault."""
    try:
        yield
    except KeyboardInterrupt:
        return
