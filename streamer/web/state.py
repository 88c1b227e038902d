"""What the answers of the web process are made from."""

import asyncio

from streamer.config.sections import Config
from streamer.metrics.doors import Doors
from streamer.web.access import Access
from streamer.web.asking import Asking
from streamer.web.cameras import CameraBook
from streamer.web.events import EventHub
from streamer.web.health import HealthBook
from streamer.web.here import HereBook
from streamer.web.pictures import Pictures
from streamer.wire.counters import StageCount
from streamer.wire.messages import GalleryEvent, IdentityEvent, PresenceEvent, Stats

MAX_VIEWERS = 64


class State:
    """The config, what has been heard of the pipeline, and what asks it. Made in the loop."""

    def __init__(self, config: Config, pictures: Pictures) -> None:
        self.config = config
        self.pictures = pictures
        self.here = HereBook()
        self.cameras = CameraBook()
        self.events = EventHub()
        self.health = HealthBook()
        self.doors = Doors(config)
        self.ending = asyncio.Event()
        self.asking = Asking(config, self.ending)
        self.access = Access(config.web_token_path, config.web.needs_token)
        self.people: int | None = None

    @property
    def may_look_on(self) -> bool:
        """Whether there is room for one more who looks at pictures."""
        return len(self.pictures.viewers) < MAX_VIEWERS

    def take(self, event: object, _: bytes = b"") -> None:
        """Learn from an event."""
        match event:
            case IdentityEvent():
                self.here.take_event(event)
                self.health.take_event(event)
            case PresenceEvent():
                self.here.take_presence(event)
            case Stats():
                self.cameras.take(event)
                self.health.take_stats(event)
            case GalleryEvent():
                self.people = event.people
        self.doors.take(event)
        self.events.take(event)

    def stages(self) -> tuple[StageCount, ...]:
        """Return the account of what is sent to browsers and programs."""
        return self.pictures.stage(), self.events.stage()

    def end(self) -> None:
        """End what goes on for as long as somebody listens."""
        self.ending.set()
        for listener in self.events.listeners:
            listener.bell.set()
        for viewer in self.pictures.viewers:
            viewer.ring()
