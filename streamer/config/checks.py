"""What is wrong with a config although each of its keys is allowed."""

from streamer.bus.sockets import is_tcp
from streamer.config.sections import Config

MAX_IPC_PATH_BYTES = 107  # sun_path of Linux's sockaddr_un, less its end


def contradictions(config: Config) -> list[str]:
    """Return a line for every pair of settings that cannot both be meant."""
    faults = []
    if config.dispatch.max_batch > config.dispatch.max_queue:
        faults.append(
            f"dispatch.max_batch must be at most dispatch.max_queue ({config.dispatch.max_queue}). "
            f"Received: {config.dispatch.max_batch}"
        )
    addresses = config.addresses
    for name, address in addresses.items():
        if list(addresses.values()).count(address) > 1:
            faults.append(f"bus.{name}: must be an address of its own. Received: {address}")
        if is_tcp(address) and not config.bus.keys and not config.bus.insecure:
            faults.append(
                f"bus.{name}: tcp:// needs bus.keys (make them with `facestream keys`) or "
                f"bus.insecure = true. Received: {address}"
            )
        length = len(address.removeprefix("ipc://").encode())
        if address.startswith("ipc://") and length > MAX_IPC_PATH_BYTES:
            faults.append(
                f"bus.{name}: an ipc path must have at most {MAX_IPC_PATH_BYTES} bytes; use a "
                f"shorter data_dir or an absolute path. Received {length}: {address}"
            )
    for name, camera in config.cameras.items():
        if camera.loop and camera.pace == "fast":
            faults.append(
                f'cameras.{name}: loop must be false with pace = "fast", or it never ends'
            )
    webcams = [camera.source for camera in config.cameras.values()]
    for name, camera in config.cameras.items():
        is_webcam = isinstance(camera.source, int) or camera.source.startswith("/dev/video")
        if is_webcam and webcams.count(camera.source) > 1:
            faults.append(
                f"cameras.{name}.source: a webcam can be one camera's only. "
                f"Received: {camera.source}"
            )
    return faults
