"""`facestream init`: a config to begin with, where there is none."""

import os
from importlib.resources import files

import typer

from streamer.errors import ConfigError


def init(context: typer.Context) -> None:
    """Write a config with every setting and what it means; one that is there stays as it is."""
    content = (files("streamer.config") / "default.toml").read_bytes()
    path = context.obj
    try:
        # Only its owner may read it: sources of cameras may hold passwords.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise ConfigError(f"{path}: is there already, and stays as it is") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    typer.echo(f"{path}: written, with the demo as its camera; start it with: facestream run")
