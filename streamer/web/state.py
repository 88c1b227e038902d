"""What the answers of the web process are made from."""

from dataclasses import dataclass, field

from streamer.config.sections import Config
from streamer.web.cameras import CameraBook
from streamer.web.here import HereBook
from streamer.web.pictures import Pictures
from streamer.wire.messages import IdentityEvent, PresenceEvent, Stats

MAX_VIEWERS = 64


@dataclass(frozen=True, kw_only=True)
class State:
    """The config, and what has been heard of the pipeline."""

    config: Config
    pictures: Pictures
    here: HereBook = field(default_factory=HereBook)
    cameras: CameraBook = field(default_factory=CameraBook)

    @property
    def may_look_on(self) -> bool:
        """Whether there is room for one more who looks at pictures."""
        return len(self.pictures.viewers) < MAX_VIEWERS

    def take(self, event: object, _: bytes = b"") -> None:
        """Learn from an event."""
        match event:
            case IdentityEvent():
                self.here.take_event(event)
            case PresenceEvent():
                self.here.take_presence(event)
            case Stats():
                self.cameras.take(event)
