"""The composition root: which processes `facestream run` starts on one host.

They are named by their commands, so that no room above this one is imported.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping

from streamer.config.sections import Config
from streamer.runtime.cores import available_cores
from streamer.supervision.child import ProcessSpec
from streamer.wire.shared_frames import make_shared_frames


@contextlib.contextmanager
def shared_frames_of(cameras: Iterable[str]) -> Iterator[dict[str, int]]:
    """Descriptors of shared frames, one for each camera, while the block runs."""
    descriptors: dict[str, int] = {}
    try:
        for camera in cameras:
            descriptors[camera] = make_shared_frames()
        yield descriptors
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)


def process_specs(config: Config, shared_frames: Mapping[str, int]) -> list[ProcessSpec]:
    """Every process of a pipeline on one host, in the order in which they are started."""
    workers, _ = config.embed.pool(available_cores())
    every_camera = tuple(shared_frames.items())
    return [
        _spec("identify", stop_order=3),
        *([_spec("history", stop_order=3)] if config.history.enabled else []),
        *([_spec("webhooks", stop_order=3)] if config.webhook else []),
        *([_spec("control", stop_order=1)] if config.control.enabled else []),
        *([_spec("mqtt", stop_order=1)] if config.mqtt.enabled else []),
        _spec("view", stop_order=1, shared_frames=every_camera),
        _spec("dispatch", stop_order=1),
        *(
            _spec("embed", "--name", f"embed-{number}", name=f"embed-{number}", stop_order=2)
            for number in range(1, workers + 1)
        ),
        *([_spec("web", stop_order=0, optional=True)] if config.web.enabled else []),
        *(
            ProcessSpec(
                name=f"capture-{camera}",
                role="capture",
                stop_order=0,
                arguments=("capture", camera),
                shared_frames=((camera, shared_frames[camera]),),
                may_end=True,
            )
            for camera in config.cameras
        ),
    ]


def _spec(
    role: str,
    *options: str,
    name: str = "",
    stop_order: int,
    shared_frames: tuple[tuple[str, int], ...] = (),
    optional: bool = False,
) -> ProcessSpec:
    return ProcessSpec(
        name=name or role,
        role=role,
        stop_order=stop_order,
        arguments=(role, *options),
        shared_frames=shared_frames,
        optional=optional,
    )
