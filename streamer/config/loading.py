"""Read config.toml: a line for every fault, with the key, what is allowed and what was there."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from streamer.config.checks import contradictions
from streamer.config.replacement import finish_replacement
from streamer.config.sections import Config
from streamer.config.surroundings import data_dir_faults
from streamer.errors import ConfigError

_BACKS_OFF = "a process that fails is started again after a pause of at most back_off_max_s"
REMOVED = {
    "supervise.max_restarts": f"is no more: no failing process ends the others; {_BACKS_OFF}",
    "supervise.restart_window_s": f"is now back_off_reset_s; {_BACKS_OFF}",
    "identify.regularisation": "is now identify.C",
    "identify.jpeg_quality": "is now view.jpeg_quality",
}
"""Keys of earlier versions, each with what to know instead."""

_OWN_WORDS = {
    "model_type": "must be a table of keys",
    "dict_type": "must be a table of keys",
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false",
}
"""Rules by pydantic's types of errors, where its own words are about Python or its patterns."""

MAX_SHOWN = 80
PER_CAMERA = ("detect", "track", "capture")


def load_config(path: Path) -> Config:
    """Read and check a config file.

    A restore of its data folder that was killed is finished first.

    Raises ConfigError with a line for every fault: file, key, what is allowed, what was received.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such config file; name one with --config") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: must be a TOML file: {error}") from error
    if "path" in content:
        raise ConfigError(f"{path}: path: unknown key; remove it")
    _resolve_cascades(content, path.parent)
    try:
        config = Config(**_with_camera_defaults(content), path=path)
    except ValidationError as error:
        faults = _without_inherited(error.errors(), content)
        raise ConfigError("\n".join(_fault(path, fault) for fault in faults)) from error
    faults = [*data_dir_faults(config), *contradictions(config)]
    if faults:
        raise ConfigError("\n".join(f"{path}: {fault}" for fault in faults))
    try:
        finish_replacement(config.data_path)
    except OSError as error:
        raise ConfigError(
            f"{config.data_path}: a restore was interrupted, and cannot be finished: "
            f"{error.strerror}"
        ) from error
    return config


def _with_camera_defaults(content: dict[str, Any]) -> dict[str, Any]:
    """Give every camera the file's detect, track and capture tables under its own keys."""
    cameras = content.get("cameras")
    if not isinstance(cameras, dict):
        return content
    merged = {}
    for name, camera in cameras.items():
        if isinstance(camera, dict):
            camera = dict(camera)
            for section in PER_CAMERA:
                common, own = content.get(section, {}), camera.get(section, {})
                if isinstance(common, dict) and isinstance(own, dict):
                    camera[section] = {**common, **own}
        merged[name] = camera
    return {**content, "cameras": merged}


def _resolve_cascades(content: dict[str, Any], folder: Path) -> None:
    """Make the paths of cascades absolute; a bare name without such a file is one of OpenCV's."""
    cameras = content.get("cameras")
    tables = [content, *(cameras.values() if isinstance(cameras, dict) else ())]
    for table in tables:
        detect = table.get("detect") if isinstance(table, dict) else None
        if not isinstance(detect, dict):
            continue
        cascade = detect.get("cascade")
        if isinstance(cascade, str) and ("/" in cascade or (folder / cascade).is_file()):
            detect["cascade"] = str((folder / cascade).resolve())


def _without_inherited(faults: list[Any], content: dict[str, Any]) -> list[Any]:
    """Leave out faults that a camera has from a common table, which reports them itself."""
    common = {fault["loc"] for fault in faults if fault["loc"][0] in PER_CAMERA}

    def inherited(place: tuple[Any, ...]) -> bool:
        if place[0] != "cameras" or place[2:] not in common:
            return False
        own = content["cameras"][place[1]].get(place[2], {})
        return len(place) == len(("cameras", "door", "detect")) or place[3] not in own

    return [fault for fault in faults if not inherited(fault["loc"])]


def _fault(path: Path, fault: Any) -> str:
    # For the name in a table, pydantic adds "[key]" to the path, which is no key of the file.
    of_name = fault["loc"][-1] == "[key]"
    key = ".".join(_shown(str(step)) for step in fault["loc"][: -1 if of_name else None])
    kind, received = fault["type"], _received(fault.get("input"))
    if kind == "extra_forbidden" and key in REMOVED:
        return f"{path}: {key}: {REMOVED[key]}. Remove it"
    if kind == "extra_forbidden":
        return f"{path}: {key}: unknown key; remove it or see config.toml's comments for the names"
    if kind == "missing":
        return f"{path}: {key}: is required and missing"
    if kind == "value_error":  # our own, which say what was received
        return f"{path}: {key}: {str(fault['msg']).removeprefix('Value error, ')}"
    if of_name:
        rule = "a camera's name must be 1 to 64 letters, digits, - or _"
    elif kind == "string_pattern_mismatch":  # addresses alone have a pattern
        rule = "must be ipc://PATH or tcp://HOST:PORT"
    elif kind == "too_long" and key == "webhook":
        rule = "must be at most 16 webhooks"
    elif kind in ("too_short", "too_long"):  # of all others, cameras alone are counted
        rule = "must be at least 1 camera and at most 64, each a table such as [cameras.door]"
    else:
        rule = _OWN_WORDS.get(kind) or f"must {str(fault['msg']).removeprefix('Input should ')}"
    return f"{path}: {key}: {rule}. Received: {received}"


def _shown(step: str) -> str:
    """Return a step of a key as it is, if it is one line that can be seen."""
    return step if step and step.isprintable() else repr(step)


def _received(value: object) -> str:
    """Describe what was there; nothing is cut where a password might begin."""
    match value:
        case dict():
            return f"a table of {len(value)} keys"
        case list():
            return f"a list of {len(value)}"
        case str() if len(value) > MAX_SHOWN and "@" in value:
            return f"text of {len(value)} characters"
    return f"{value!r:.{MAX_SHOWN}}"
