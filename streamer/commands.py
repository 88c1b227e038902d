"""Sub-commands of this room: thin; each hands over to the module that does the work."""

import contextlib
import dataclasses
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from streamer.client.subscriber import Subscriber
from streamer.config.sections import Config, load_config
from streamer.errors import ConfigError, FacestreamError
from streamer.wire.messages import IdentityEvent

Lifeline = Annotated[int | None, typer.Option(hidden=True)]
Rings = Annotated[list[str] | None, typer.Option("--ring", hidden=True)]
Address = Annotated[
    str, typer.Option(help="Where to subscribe; by default bus.events of the config.")
]


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    for command in (run, check, watch, record, snapshot, keys, capture, dispatch):
        app.command()(command)


def run(context: typer.Context) -> None:
    """Run the whole pipeline: start and watch every process until Ctrl-C."""
    from streamer.client.console import Display
    from streamer.runtime.logs import set_up_logging
    from streamer.runtime.supervisor import Supervisor

    config = load_config(context.obj)
    set_up_logging(config.log.level, "facestream")
    console = Console()
    with _run_lock(config), Display(console) as display:
        _prepare_demo(config, display.line)
        topics = ("identity/", "stats", "gallery")
        with _subscriber(config, "", topics) as subscriber:

            def show(timeout_s: float) -> None:
                until = time.monotonic() + timeout_s
                while (
                    received := subscriber.receive(max(0, until - time.monotonic()))
                ) is not None:
                    display.take(received[0])
                    if time.monotonic() >= until:
                        break
                display.refresh()

            supervisor = Supervisor(
                config, lambda name, line: display.line(f"{name}: {line}"), show
            )
            waiting = ", ".join(supervisor.waiting_for())
            display.line(f"starting {waiting}; stop with Ctrl-C")
            supervisor.run()
    console.print(display.account_table())


def check(context: typer.Context) -> None:
    """Check the config file without running anything."""
    from streamer.capture.sources import is_live, redact
    from streamer.vision.detect import HaarDetector

    config = load_config(context.obj)
    faults = []
    for name, camera in config.cameras.items():
        try:
            HaarDetector(camera.detect.cascade)
        except ConfigError as error:
            faults.append(f"{config.path}: cameras.{name}.detect.{error}")
        source = camera.source
        if isinstance(source, str) and source != "demo" and not is_live(source):
            path = config.path.parent / source
            if not path.exists():
                faults.append(
                    f"{config.path}: cameras.{name}.source: no such file or folder: {path}"
                )
    if config.weights_path is not None and not config.weights_path.is_file():
        faults.append(f"{config.path}: embed.weights: no such file: {config.weights_path}")
    if config.bus.keys and not (config.path.parent / config.bus.keys).is_dir():
        faults.append(f"{config.path}: bus.keys: no such folder; make it with `facestream keys`")
    if faults:
        raise ConfigError("\n".join(faults))
    for name, camera in config.cameras.items():
        typer.echo(f"{name}: {redact(str(camera.source))}")
    workers, threads = config.embed.pool()
    typer.echo(f"{config.path} is right: {workers} workers with {threads} threads each")


def watch(
    context: typer.Context,
    address: Address = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    count: Annotated[int, typer.Option(min=0, help="Stop after so many events.")] = 0,
) -> None:
    """Show who enters, is seen and leaves, from a running pipeline."""
    from streamer.client.console import event_line

    config = load_config(context.obj)
    console = Console()
    shown = 0
    with _subscriber(config, address, ("identity/",)) as subscriber, _quiet_interrupt():
        while not count or shown < count:
            received = subscriber.receive()
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
    camera: Annotated[str, typer.Option(help="Which camera; by default the first.")] = "",
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
        _subscriber(config, address, (topic,)) as subscriber,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("recording", total=seconds)
        came = record_clip(
            subscriber, path, seconds, fps, timeout,
            lambda done: progress.update(task, completed=done),
        )  # fmt: skip
    typer.echo(f"{path}: {seconds:g} s, {came} pictures")


def snapshot(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="The picture: .jpg, .png, .bmp or .webp.")],
    camera: Annotated[str, typer.Option(help="Which camera; by default the first.")] = "",
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for a picture.")] = 20.0,
    address: Address = "",
) -> None:
    """Save one annotated picture of a camera."""
    from streamer.client.recorder import check_picture_path
    from streamer.client.recorder import snapshot as take_snapshot

    config = load_config(context.obj)
    check_picture_path(path)
    topic = _frame_topic(config, camera, address)
    with _subscriber(config, address, (topic,)) as subscriber:
        event = take_snapshot(subscriber, path, timeout)
    width, height = event.frame_wh
    typer.echo(f"{path}: {event.camera} {event.captured_utc} {width}x{height}")


def keys(
    folder: Annotated[Path, typer.Argument(help="Where to keep them.")] = Path("keys"),
    client: Annotated[
        list[str] | None, typer.Option("--client", help="A further host; may be repeated.")
    ] = None,
) -> None:
    """Make the CURVE keys that tcp:// addresses need; keys that exist are kept."""
    from streamer.wire.sockets import make_keys

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


def _prepare_demo(config: Config, say: Callable[[str], None]) -> None:
    """Make the demo's clip at first run, and enrol its first person if nobody is enrolled."""
    if all(camera.source != "demo" for camera in config.cameras.values()):
        return
    from streamer.capture.demo import CLIP, ENROLLED, PORTRAIT, make_demo

    folder = config.data_path / "demo"
    if not (folder / CLIP).is_file():
        say("making the demo's clip, once")
    make_demo(folder)
    if not (config.gallery_path / "current").exists():
        say(f"enrolling {ENROLLED}, once")
        command = [sys.executable, "-m", "streamer.cli", "--config", str(config.path)]
        enrolled = subprocess.run(  # noqa: S603 - our own program
            [*command, "enrol", ENROLLED, str(folder / PORTRAIT)],
            capture_output=True,
            text=True,
            check=False,
        )
        if enrolled.returncode:
            raise FacestreamError(enrolled.stderr.strip() or "the demo's person cannot be enrolled")


def _subscriber(config: Config, address: str, topics: tuple[str, ...]) -> Subscriber:
    security = config.security
    return Subscriber(
        config.resolve(address) if address else config.address("events"),
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
def _run_lock(config: Config) -> Iterator[None]:
    """One pipeline a data folder; the lock ends with the process, however that ends."""
    folder = config.data_path / "run"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(
            f"{config.data_path}: a pipeline is running here already; stop it, or give this one "
            f"another data_dir"
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _quiet_interrupt() -> Iterator[None]:
    """Ctrl-C ends a command that would go on for ever; it is no fault."""
    try:
        yield
    except KeyboardInterrupt:
        return
