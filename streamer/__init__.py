"""facestream names the people in live video.

From a program: `for event in streamer.subscribe("ipc://..."): ...`
"""

from streamer.client.subscriber import Subscriber, subscribe
from streamer.wire.messages import FrameEvent, GalleryEvent, IdentityEvent, PresenceEvent, Stats

__all__ = [
    "FrameEvent",
    "GalleryEvent",
    "IdentityEvent",
    "PresenceEvent",
    "Stats",
    "Subscriber",
    "subscribe",
]
