"""`facestream check`: what is wrong with the config, without running anything."""

import typer

from streamer.config.loading import load_config
from streamer.config.surroundings import exposed, lacks
from streamer.errors import ConfigError


def check(context: typer.Context) -> None:
    """Check the config file without running anything."""
    from streamer.capture.sources import is_live, recording_path
    from streamer.runtime.cores import available_cores
    from streamer.runtime.redact import redact
    from streamer.vision.detect import HaarDetector
    from streamer.webhooks.targets import targets_of

    config = load_config(context.obj)
    faults = lacks(config)
    cascades = {f"cameras.{name}.": each.detect.cascade for name, each in config.cameras.items()}
    common = config.detect.cascade
    own = {table: cascade for table, cascade in cascades.items() if cascade != common}
    for table, cascade in {"": common, **own}.items():
        try:
            HaarDetector(cascade)
        except ConfigError as error:
            faults.append(f"{config.path}: {table}detect.{error}")
    for name, camera in config.cameras.items():
        source = camera.source
        if isinstance(source, str) and source != "demo" and not is_live(source):
            path = recording_path(source, config.path.parent)
            if not path.exists():
                faults.append(
                    f"{config.path}: cameras.{name}.source: no such file or folder: {path}"
                )
    try:
        targets_of(config)
    except ConfigError as error:
        faults += str(error).splitlines()
    if faults:
        raise ConfigError("\n".join(faults))
    for warning in exposed(config):
        typer.echo(f"warning: {warning}", err=True)
    for name, camera in config.cameras.items():
        typer.echo(f"{name}: {redact(str(camera.source))}")
    workers, threads = config.embed.pool(available_cores())
    hands = "1 worker" if workers == 1 else f"{workers} workers"
    each = "1 thread" if threads == 1 else f"{threads} threads"
    typer.echo(f"{config.path} is right: {hands} with {each} each")
