"""What the config asks of this machine: folders, files and packages that must be there."""

import contextlib
import os
import shlex
import ssl
import zipfile
from importlib.util import find_spec
from pathlib import Path

from streamer.config.sections import Config
from streamer.errors import ConfigError
from streamer.files import open_to_others

EXTRA_RUNTIMES = ("onnxruntime", "openvino")
MAX_PASSWORD_BYTES = 1024
_NOT_OF_PEOPLE = ("cache", "demo", "weights")
_DESCRIPTION = "description.npy"


def lacks(config: Config) -> list[str]:
    """Return a line for everything that a pipeline needs here and would not find.

    Cameras are left out: each of them fails, or comes back, alone.
    """
    faults = [
        *data_dir_faults(config),
        *_write_faults(config),
        *_socket_faults(config),
        *_weights_faults(config),
        *_runtime_faults(config),
        *mqtt_faults(config),
        *web_faults(config),
    ]
    if config.bus.keys and not _is_folder(config.path.parent / config.bus.keys):
        faults.append("bus.keys: no such folder; make it with `facestream keys`")
    return [f"{config.path}: {fault}" for fault in faults]


def exposed(config: Config) -> list[str]:
    """Return a line for each place in which others could read faces, embeddings or secrets.

    What is new is made closed; this is for what an earlier version, or somebody, left open.
    """
    folders = {"data_dir": config.data_path}
    if config.bus.keys:
        folders["bus.keys"] = Path(os.path.realpath(config.path.parent / config.bus.keys))
    warnings = []
    for key, folder in folders.items():
        found = open_to_others(folder, _NOT_OF_PEOPLE)
        if found:
            warnings.append(
                f"{config.path}: {key}: other users can read or enter {len(found)} files and "
                f"folders, such as {found[0]}; close them with: "
                f"chmod -R go= {shlex.quote(str(folder))}"
            )
    secrets = [config.web.key, config.mqtt.password_file]
    secrets += [file for hook in config.webhook for file in (hook.url_file, hook.secret_file)]
    sources = [str(camera.source) for camera in config.cameras.values()]
    own = [config.path] if any("@" in source for source in sources) else []
    for path in [*own, *(config.path.parent / file for file in secrets if file)]:
        with contextlib.suppress(OSError):
            if path.stat().st_mode & 0o077:
                warnings.append(
                    f"{config.path}: {path}: holds a secret that other users can read; close it "
                    f"with: chmod go= {shlex.quote(str(path))}"
                )
    return warnings


def data_dir_faults(config: Config) -> list[str]:
    """Return a line if `data_dir` can be no folder, for something else is in its place."""
    nearest = _nearest(config.data_path)
    if _is_folder(nearest):
        return []
    return [
        f"data_dir: must be a folder, or one that can be made. "
        f"Received: {config.data_dir!r}, and {nearest} is no folder"
    ]


def not_installed(runtime: str) -> str:
    """Return what to do about an `embed.runtime` that is not installed; "" for one that is."""
    if runtime not in EXTRA_RUNTIMES or None not in (find_spec(runtime), find_spec("onnx")):
        return ""
    return (
        f"embed.runtime is {runtime}, which is not installed. Install it with: "
        f"pip install 'facestream[{runtime}]', or set it to auto"
    )


def mqtt_faults(config: Config) -> list[str]:
    """Return a line if the broker's password or the authority's certificate cannot be read."""
    if not config.mqtt.enabled:
        return []
    faults = []
    try:
        mqtt_password(config)
    except ConfigError as error:
        faults.append(str(error))
    ca_file = config.mqtt.ca_file
    if ca_file:
        try:
            ssl.create_default_context(cafile=config.path.parent / ca_file)
        except OSError as error:  # SSLError is one
            faults.append(
                f"mqtt.ca_file: must be a certificate in PEM form. Received: {ca_file!r}: {error}"
            )
    return faults


def mqtt_password(config: Config) -> str | None:
    """Return the broker's password; None where there is none. Raises ConfigError; quotes none."""
    mqtt = config.mqtt
    if mqtt.password_env:
        password = os.environ.get(mqtt.password_env, "")
        where = f"mqtt.password_env: the environment variable {mqtt.password_env}"
    elif mqtt.password_file:
        where = f"mqtt.password_file: {mqtt.password_file}"
        try:
            password = (config.path.parent / mqtt.password_file).read_text("utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ConfigError(f"{where}: cannot be read: {reason}") from None
    else:
        return None
    if not 1 <= len(password.encode()) <= MAX_PASSWORD_BYTES:
        raise ConfigError(f"{where}: must hold a password of 1 to {MAX_PASSWORD_BYTES} bytes")
    return password


def web_faults(config: Config) -> list[str]:
    """Return what keeps the page from being served safely: it fails closed."""
    web = config.web
    if not web.enabled:
        return []
    faults = [
        f"web.{name}: no such file: {config.path.parent / file}"
        for name, file in (("cert", web.cert), ("key", web.key))
        if file and not (config.path.parent / file).is_file()
    ]
    if web.needs_token and not config.web_token_path.is_file():
        where = "web.hosts" if web.hosts else "web.address"
        faults.append(
            f"{where}: whoever can reach the page could change people, so it needs a token; make "
            f"one with `facestream web token`. Received: {', '.join(web.hosts) or web.address}"
        )
    return faults


def _nearest(path: Path) -> Path:
    """Return the path itself if anything is there, or else the nearest parent that exists."""
    return next(each for each in (path, *path.parents) if os.path.lexists(each))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # in a folder that is closed to this user
        return False


def _write_faults(config: Config) -> list[str]:
    nearest = _nearest(config.data_path)
    if not _is_folder(nearest) or os.access(nearest, os.W_OK | os.X_OK):
        return []
    return [
        f"data_dir: must be a folder that can be written to. "
        f"Received: {config.data_dir!r}, and {nearest} cannot be"
    ]


def _socket_faults(config: Config) -> list[str]:
    """Folders of sockets below data_dir are made; others, the user's own, must be there."""
    faults = []
    for name, path in config.socket_files.items():
        place = Path(os.path.realpath(path))
        if not place.is_relative_to(config.data_path) and not _is_folder(place.parent):
            faults.append(
                f"bus.{name}: the folder of a socket must exist, unless it is below data_dir. "
                f"Received: {config.bus.addresses[name]}"
            )
        elif os.path.lexists(place) and not place.is_socket():
            faults.append(
                f"bus.{name}: must name a socket, and {place} is something else. "
                f"Received: {config.bus.addresses[name]}"
            )
    return faults


def _weights_faults(config: Config) -> list[str]:
    path = config.weights_path
    if path is None:
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            if _DESCRIPTION in archive.namelist():
                return []
    except (FileNotFoundError, NotADirectoryError):
        return [f"embed.weights: no such file: {path}"]
    except OSError as error:
        return [f"embed.weights: {path}: cannot be read: {error.strerror or error}"]
    except (ValueError, NotImplementedError, zipfile.BadZipFile):
        pass  # an archive, perhaps, but none that we wrote
    return [
        f"embed.weights: not a weights file, or damaged: {path}; `facestream weights import` "
        f"makes one of foreign weights"
    ]


def _runtime_faults(config: Config) -> list[str]:
    fault = not_installed(config.embed.runtime)
    return [fault] if fault else []
