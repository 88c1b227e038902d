"""The composition root: which processes `facestream run` starts on one host.

They are named by their commands, so that no room above this one is imported.
"""

from streamer.config.sections import Config
from streamer.runtime.cores import available_cores
from streamer.runtime.supervisor import ProcessSpec


def process_specs(config: Config, shared_frames: dict[str, int]) -> list[ProcessSpec]:
    """Every process of a pipeline on one host, in the order in which they are started."""
    workers, _ = config.embed.pool(available_cores())
    specs = [
        ProcessSpec("identify", 3, ("identify",), tuple(shared_frames.items())),
        ProcessSpec("dispatch", 1, ("dispatch",)),
    ]
    specs += [
        ProcessSpec(f"embed-{number}", 2, ("embed", "--name", f"embed-{number}"))
        for number in range(1, workers + 1)
    ]
    specs += [
        ProcessSpec(
            f"capture-{name}", 0, ("capture", name), ((name, shared_frames[name]),), may_end=True
        )
        for name in config.cameras
    ]
    return specs
