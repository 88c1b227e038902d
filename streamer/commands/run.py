"""`facestream run`: the whole pipeline under one supervisor."""

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import typer
from rich.console import Console

from streamer.commands.subscribers import subscriber_of
from streamer.config.loading import load_config
from streamer.config.sections import Config
from streamer.config.surroundings import lacks
from streamer.errors import ConfigError, FacestreamError
from streamer.files import private_folder
from streamer.runtime.json_lines import FAULT_PREFIX, as_json_line, json_line

_LOCK_S = 0.5


def run(context: typer.Context) -> None:
    """Run the whole pipeline: start and watch every process until Ctrl-C."""
    from streamer.client.console import Display
    from streamer.pipeline import process_specs, shared_frames_of
    from streamer.runtime.logs import set_up_logging
    from streamer.supervision.process_file import ProcessFile
    from streamer.supervision.supervisor import Supervisor
    from streamer.webhooks.targets import targets_of

    config = load_config(context.obj)
    if faults := lacks(config):
        raise ConfigError("\n".join(faults))
    targets_of(config)
    as_json = config.log.format == "json"
    set_up_logging(config.log.level, "facestream", as_json)
    console = Console()
    with (
        _run_lock(config),
        ProcessFile(config.run_path) as process_file,
        Display(console, write=_write_json if as_json else None) as display,
    ):
        _prepare_demo(config, display.line)
        topics: tuple[str, ...] = ("stats", "gallery")
        if not as_json:  # such logs are kept by others, where nobody can be forgotten
            topics = ("identity/", *topics, "correction")
        with subscriber_of(config, "", topics) as subscriber:

            def show(timeout_s: float) -> None:
                until = time.monotonic() + timeout_s
                statuses = supervisor.status()
                display.take_processes(statuses)
                process_file.update(statuses)
                while (
                    received := subscriber.receive(max(0, until - time.monotonic()))
                ) is not None:
                    display.take(received[0])
                    if time.monotonic() >= until:
                        break
                display.refresh()

            with shared_frames_of(config.cameras) as shared_frames:

                def told(name: str, line: str) -> None:
                    display.line(f"{name}: {line}")

                specs = process_specs(config, shared_frames)
                supervisor = Supervisor(
                    specs=specs,
                    rules=config.supervise,
                    command=facestream_command(config),
                    on_line=_print_json if as_json else told,
                    also=show,
                )
                names = ", ".join(spec.name for spec in specs)
                display.line(f"starting {names}; stop with Ctrl-C")
                if config.web.enabled:
                    display.line(f"the page will be at {config.web.url}")
                supervisor.run()
    if not as_json:
        console.print(display.account_table())


def _write_json(text: str) -> None:
    """Print what is for people as a line for machines."""
    print(json_line("facestream", "info", text), flush=True)  # noqa: T201


def _print_json(process: str, line: str) -> None:
    """Print what a process wrote, or what the supervisor says of it, as a line for machines."""
    print(as_json_line(process, line), flush=True)  # noqa: T201


def facestream_command(config: Config) -> list[str]:
    """Return the command of this program with this config, without a sub-command."""
    return [sys.executable, "-m", "streamer.cli", "--config", str(config.path)]


def _prepare_demo(config: Config, say: Callable[[str], None]) -> None:
    """Make the demo's clip at first run, and enrol its first person if nobody is enrolled."""
    if all(camera.source != "demo" for camera in config.cameras.values()):
        return
    from streamer.capture.demo import CLIP, ENROLLED

    lacks_clip = not (config.data_path / "demo" / CLIP).is_file()
    lacks_person = not (config.gallery_path / "current").exists()
    if not (lacks_clip or lacks_person):
        return
    if lacks_clip:
        say("making the demo's clip, once")
    if lacks_person:
        say(f"enrolling {ENROLLED}, once")
    # In a process of its own: this one loads no network.
    prepared = subprocess.run(  # noqa: S603 - our own program
        [*facestream_command(config), "prepare-demo"], capture_output=True, text=True, check=False
    )
    if prepared.returncode:
        said = [line.removeprefix(FAULT_PREFIX) for line in prepared.stderr.strip().splitlines()]
        raise FacestreamError("\n".join(said) or "the demo cannot be prepared")


@contextlib.contextmanager
def _run_lock(config: Config) -> Iterator[None]:
    """Hold the lock on a data folder: one pipeline each. It ends with the process.

    Sockets left by a run that was killed are removed before, and this run's own after.
    """
    with run_folder_locked(config):
        try:
            _remove_sockets(config)
            yield
        finally:
            _remove_sockets(config)


@contextlib.contextmanager
def run_folder_locked(config: Config) -> Iterator[None]:
    """Hold the lock alone; raises ConfigError where a pipeline is running."""
    folder = config.run_path
    try:
        private_folder(folder, close=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(
            f"{config.path}: data_dir: must be a folder that can be written to. "
            f"Received: {config.data_dir!r}, and {folder} cannot be made: {error.strerror}"
        ) from error
    try:
        _lock(descriptor)
    except BlockingIOError:
        os.close(descriptor)
        raise ConfigError(
            f"{config.data_path}: a pipeline is running here already; stop it, or give this one "
            f"another data_dir"
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Lock a folder; `facestream status` holds it for a moment to see whether anybody does."""
    until = time.monotonic() + _LOCK_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
            time.sleep(_LOCK_S / 10)


def _remove_sockets(config: Config) -> None:
    for path in config.socket_files.values():
        if path.is_socket():
            path.unlink(missing_ok=True)
