"""`facestream backup` and `restore`: what the data folder holds of people, as one file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from streamer.config.loading import load_config
from streamer.control.running import running_control
from streamer.errors import BackupError


def backup(
    context: typer.Context, file: Annotated[Path, typer.Argument(help="The .zip file to write.")]
) -> None:
    """Write gallery, history and queue into one file; a pipeline may be running."""
    from workers.gallery.backup import back_up

    config = load_config(context.obj)
    manifest = back_up(config.data_path, file)
    typer.echo(f"{file}: {_summary(manifest)}; it holds faces: keep it safe")


def restore(
    context: typer.Context, file: Annotated[Path, typer.Argument(help="Made by `backup`.")]
) -> None:
    """Replace gallery, history and queue by a backup; the pipeline must be stopped."""
    from streamer.commands.run import run_folder_locked
    from streamer.supervision.process_file import is_running
    from workers.gallery.restore import restore as restore_file

    config = load_config(context.obj)
    if not file.is_file():
        raise BackupError(f"{file}: no such file")
    with running_control(config) as control:
        if control is not None or is_running(config.run_path):
            raise BackupError(
                f"{config.data_path}: a pipeline is running here; stop it, restore, and start it "
                f"again"
            )
    with run_folder_locked(config):
        manifest = restore_file(config.data_path, file)
    typer.echo(f"{config.data_path}: as it was at {manifest['made_utc']}: {_summary(manifest)}")
    typer.echo("who was forgotten since then is back: forget them again")


def _summary(manifest: dict[str, Any]) -> str:
    """Say what a backup holds."""
    files = manifest["files"]
    versions = len({name.split("/")[2] for name in files if name.startswith("gallery/versions/")})
    parts = [f"{versions} versions of the gallery"]
    parts += [name.split("/")[0] for name in files if name.endswith(".sqlite3")]
    size = sum(int(each["bytes"]) for each in files.values())
    return f"{', '.join(parts)}; {size / 1e6:.1f} MB"
