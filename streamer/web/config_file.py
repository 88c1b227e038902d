"""One more camera in the config file, whose comments stay."""

import re
from pathlib import Path

from streamer.config.loading import load_config
from streamer.errors import ConfigError
from streamer.files import replacing

_ALLOWED = re.compile(r"demo|\d{1,2}|(rtsps?|https?)://\S+")


def add_camera(path: Path, name: str, source: str | int) -> None:
    """Write a camera into the file, if it is right with it. Raises ConfigError.

    source: a webcam's number, a URL, or "demo"; files of this host are for who can write to it.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    if _ALLOWED.fullmatch(str(source)) is None:
        raise ConfigError('source: must be a webcam\'s number, rtsp://..., http://... or "demo"')
    path = path.resolve()  # a link stays one
    if name in load_config(path).cameras:
        raise ConfigError(f"name: must be of no other camera. Received: {name}")
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8-sig"))
        table = tomlkit.table()
        table["source"] = int(source) if str(source).isdecimal() else source
        document["cameras"][name] = table
        with replacing(path) as partial:
            partial.write_text(tomlkit.dumps(document), encoding="utf-8")
            partial.chmod(path.stat().st_mode & 0o777)
            load_config(partial)
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise ConfigError(f"{path}: cannot be written: {error}") from error
