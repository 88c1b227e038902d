"""What is wrong with a config although each of its keys is allowed."""

import os
import re
from collections import Counter

from streamer.bus.sockets import is_tcp
from streamer.config.sections import BusConfig, Config, MqttConfig

MAX_IPC_PATH_BYTES = 107  # sun_path of Linux's sockaddr_un, less its end
_USUAL_PATHS = [address.removeprefix("ipc://") for address in BusConfig().addresses.values()]


def contradictions(config: Config) -> list[str]:
    """Return a line for every pair of settings that cannot both be meant."""
    faults = []
    if config.dispatch.max_batch > config.dispatch.max_queue:
        faults.append(
            f"dispatch.max_batch must be at most dispatch.max_queue ({config.dispatch.max_queue}). "
            f"Received: {config.dispatch.max_batch}"
        )
    if config.enrol.min_brightness >= config.enrol.max_brightness:
        faults.append(
            f"enrol.min_brightness must be less than enrol.max_brightness "
            f"({config.enrol.max_brightness:g}). Received: {config.enrol.min_brightness:g}"
        )
    if config.enrol.min_crops > config.enrol.max_crops:
        faults.append(
            f"enrol.min_crops must be at most enrol.max_crops ({config.enrol.max_crops}). "
            f"Received: {config.enrol.min_crops}"
        )
    if config.strangers.keep and not config.history.enabled:
        faults.append(
            "strangers.keep must be false while history.enabled is, for strangers are kept in the "
            "history. Received: true"
        )
    if bool(config.web.cert) != bool(config.web.key):
        faults.append("web.cert and web.key: must both be set, or neither")
    return [
        *faults,
        *_bus_faults(config),
        *_camera_faults(config),
        *_mqtt_faults(config.mqtt),
        *_webhook_faults(config),
    ]


def _bus_faults(config: Config) -> list[str]:
    faults = []
    # The same file by another path is the same socket.
    places = {name: os.path.realpath(path) for name, path in config.socket_files.items()}
    users = Counter({**config.addresses, **places}.values())
    for name, address in config.addresses.items():
        if users[places.get(name, address)] > 1:
            faults.append(f"bus.{name}: must be an address of its own. Received: {address}")
        if is_tcp(address) and not config.bus.keys and not config.bus.insecure:
            faults.append(
                f"bus.{name}: tcp:// needs bus.keys (make them with `facestream keys`) or "
                f"bus.insecure = true. Received: {address}"
            )
    faults += [
        f"bus.{name}: must be ipc:// while bus.insecure is true, or anybody could change people. "
        f"Received: {config.addresses[name]}"
        for name in ("control", "asked")
        if is_tcp(config.addresses[name]) and config.bus.insecure
    ]
    return [*faults, *_long_paths(config)]


def _long_paths(config: Config) -> list[str]:
    """Tell of each path that is too long for a socket; of data_dir once, if that is the reason."""
    too_long = {
        name: path
        for name, path in config.socket_files.items()
        if len(os.fsencode(path)) > MAX_IPC_PATH_BYTES
    }
    within = [name for name in too_long if not config.bus.addresses[name].startswith("ipc:///")]
    longest = MAX_IPC_PATH_BYTES - max(len(f"/{path}") for path in _USUAL_PATHS)
    length = len(os.fsencode(config.data_path))
    faults = []
    if within and length > longest:
        faults.append(
            f"data_dir: its path must have at most {longest} bytes, as those of the sockets in it "
            f"can have {MAX_IPC_PATH_BYTES}; name a shorter one, or absolute paths in [bus]. "
            f"Received {length}: {config.data_path}"
        )
        too_long = {name: path for name, path in too_long.items() if name not in within}
    faults += [
        f"bus.{name}: an ipc path must have at most {MAX_IPC_PATH_BYTES} bytes; use a shorter "
        f"one. Received {len(os.fsencode(path))}: {path}"
        for name, path in too_long.items()
    ]
    return faults


def _camera_faults(config: Config) -> list[str]:
    faults = []
    for name, camera in config.cameras.items():
        if camera.loop and camera.pace == "fast":
            faults.append(
                f'cameras.{name}: loop must be false with pace = "fast", or it never ends'
            )
    webcams = {name: _webcam(camera.source) for name, camera in config.cameras.items()}
    users = Counter(webcams.values())
    for name, camera in config.cameras.items():
        if webcams[name] is not None and users[webcams[name]] > 1:
            faults.append(
                f"cameras.{name}.source: a webcam can be one camera's only. "
                f"Received: {camera.source}"
            )
    return faults


def _mqtt_faults(mqtt: MqttConfig) -> list[str]:
    faults = []
    if mqtt.password_file and mqtt.password_env:
        faults.append("mqtt.password_env: must be empty while mqtt.password_file is not")
    if (mqtt.password_file or mqtt.password_env) and not mqtt.user:
        faults.append("mqtt.user: must be named where there is a password")
    if mqtt.ca_file and not mqtt.tls:
        faults.append("mqtt.tls: must be true where mqtt.ca_file is named. Received: false")
    if mqtt.topic_prefix == mqtt.discovery_prefix:
        faults.append(
            f"mqtt.topic_prefix: must not be mqtt.discovery_prefix. Received: {mqtt.topic_prefix}"
        )
    return faults


def _webhook_faults(config: Config) -> list[str]:
    names = Counter(webhook.name for webhook in config.webhook)
    faults = [
        f"webhook.name: must be of one webhook alone. Received: {name}, {count} times"
        for name, count in names.items()
        if count > 1
    ]
    for webhook in config.webhook:
        unknown = [camera for camera in webhook.cameras if camera not in config.cameras]
        faults += [
            f"webhook.{webhook.name}.cameras: must be names of cameras. Received: {camera!r:.80}"
            for camera in unknown
        ]
    return faults


def _webcam(source: str | int) -> str | None:
    """Return the device of a webcam, by whichever name; None for any other source."""
    if isinstance(source, int):
        return f"/dev/video{source}"
    if (numbered := re.fullmatch(r"/dev/video(\d+)", source)) is not None:
        return f"/dev/video{int(numbered[1])}"
    return source if source.startswith("/dev/video") else None
