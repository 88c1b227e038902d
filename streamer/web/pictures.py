"""The newest picture of each camera for everybody who looks on; older ones are lost."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from streamer.client.subscriber import Subscriber
from streamer.wire.counters import StageCount, StageCounters
from streamer.wire.messages import FrameEvent, PlainFrameEvent
from streamer.wire.topics import plain_topic, topic


@dataclass(frozen=True)
class Picture:
    """A picture as it was published: its event and its JPEG."""

    event: FrameEvent | PlainFrameEvent
    jpeg: bytes


def topic_of(camera: str, width: int | None) -> str:
    """Return the topic of a camera's plain pictures of a width; without one, of drawn ones."""
    return (topic("frame", camera) if width is None else plain_topic(camera, width)).decode()


@dataclass(eq=False)
class Viewer:
    """Somebody who looks on. Of each camera one picture waits, the newest.

    `take` returns one that waits, but for those of cameras in `busy`, whose last picture has not
    been seen yet; `wait` returns once there may be one.
    """

    _pictures: "Pictures"
    busy: set[str] = field(default_factory=set)
    _waiting: dict[str, Picture] = field(default_factory=dict)
    _topics: set[str] = field(default_factory=set)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def look_at(self, topics: set[str]) -> None:
        """Look at these and no others from now on."""
        self._pictures.subscribe(topics - self._topics)
        self._pictures.unsubscribe(self._topics - topics)
        self._topics = topics

    def seen(self, camera: str) -> None:
        """Note that the last picture of a camera has come: the next one may go."""
        self.busy.discard(camera)
        self._bell.set()

    def take(self) -> Picture | None:
        """Return a picture to show now, or None."""
        for camera in self._waiting:
            if camera not in self.busy:
                self._pictures.account.forward()
                return self._waiting.pop(camera)
        return None

    def ring(self) -> None:
        """Wake who waits, for another reason than a picture."""
        self._bell.set()

    async def wait(self) -> None:
        """Sleep until a picture has come, or one has been seen."""
        await self._bell.wait()
        self._bell.clear()

    def give(self, name: str, picture: Picture) -> None:
        """Have a picture shown, unless it is none of theirs."""
        if name not in self._topics:
            return
        camera = picture.event.camera
        self._pictures.account.receive()
        if camera in self._waiting:
            self._pictures.account.drop("superseded")
        self._waiting[camera] = picture
        self._bell.set()

    @property
    def waiting(self) -> int:
        """How many pictures wait."""
        return len(self._waiting)

    def close(self) -> None:
        """Look no more."""
        self.look_at(set())
        self._pictures.account.drop("left", len(self._waiting))
        self._waiting.clear()
        self._pictures.viewers.discard(self)


class Pictures:
    """Everybody who looks on, and one subscription to what any of them looks at."""

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber = subscriber
        self._wanted: Counter[str] = Counter()
        self.viewers: set[Viewer] = set()
        self.account = StageCounters("web pictures")

    def viewer(self) -> Viewer:
        """Return somebody new, who must be closed."""
        viewer = Viewer(self)
        self.viewers.add(viewer)
        return viewer

    def take(self, event: object, jpeg: bytes) -> None:
        """Give a picture to those who look at it."""
        match event:
            case FrameEvent():
                name = topic_of(event.camera, None)
            case PlainFrameEvent():
                name = topic_of(event.camera, event.width)
            case _:
                return
        for viewer in self.viewers:
            viewer.give(name, Picture(event, jpeg))

    def subscribe(self, topics: set[str]) -> None:
        """Note that somebody looks at these."""
        for name in topics:
            if not self._wanted[name]:
                self._subscriber.subscribe(name)
            self._wanted[name] += 1

    def unsubscribe(self, topics: set[str]) -> None:
        """Note that somebody does not any more."""
        for name in topics:
            self._wanted[name] -= 1
            if not self._wanted[name]:
                self._subscriber.unsubscribe(name)
                del self._wanted[name]

    def stage(self) -> StageCount:
        """Return the account: of each viewer, every picture."""
        return self.account.snapshot(sum(viewer.waiting for viewer in self.viewers))
