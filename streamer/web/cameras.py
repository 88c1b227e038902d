"""The cameras: what each is doing, from the reports of its process and from its pictures."""

import re
import time
from dataclasses import dataclass

from streamer.config.sections import Config
from streamer.runtime.redact import redact
from streamer.wire.messages import FrameEvent, PlainFrameEvent, Stats

_SILENT_S = 5.0
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A camera as it is now; width and height of its newest picture, once there was one."""

    name: str
    state: str
    detail: str
    fps: float | None
    width: int | None
    height: int | None
    source: str


class CameraBook:
    """What was said last of each camera."""

    def __init__(self) -> None:
        self._stats: dict[str, tuple[float, Stats]] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

    def take(self, stats: Stats) -> None:
        """Read the report of a capture process."""
        if stats.role == "capture" and (stats.name in self._stats or len(self._stats) < 1024):
            self._stats[stats.name] = (time.monotonic(), stats)

    def take_picture(self, event: FrameEvent | PlainFrameEvent) -> None:
        """Note how large a camera's pictures are."""
        if event.camera in self._sizes or len(self._sizes) < 1024:
            known = self._sizes.get(event.camera, (0, 0))
            self._sizes[event.camera] = max(known, event.frame_wh)

    def all(self, config: Config) -> list[Camera]:
        """Return every camera of the config, in its order."""
        return [self._camera(name, str(each.source)) for name, each in config.cameras.items()]

    def _camera(self, name: str, source: str) -> Camera:
        at, stats = self._stats.get(name, (0.0, None))
        said = stats.camera_state if stats and time.monotonic() - at < _SILENT_S else None
        width, height = self._sizes.get(name, (None, None))
        if said and (size := _SIZE.fullmatch(said.detail)):
            width, height = int(size[1]), int(size[2])
        return Camera(
            name=name,
            state=said.state if said else "silent",
            detail=said.detail if said else "",
            fps=stats.rates.get("frames") if stats and said else None,
            width=width,
            height=height,
            source=redact(source),
        )
