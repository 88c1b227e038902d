"""The topics of published messages, and what a subscription means.

ZeroMQ takes a subscription as a prefix: `frame/door` also lets `frame/door2` through. So
whoever receives compares topics here, in full.
"""

from collections.abc import Iterable
from typing import Literal

STATS = b"stats"
GALLERY = b"gallery"
CORRECTION = b"correction"
EXPIRY = b"expiry"

Kind = Literal["identity", "presence", "frame", "feedback", "wanted", "pause"]

PLAIN_WIDTHS = (320, 640, 960, 1280, 1920)
"""Plain pictures can be had in these; one that is not as wide is sent as it is."""


def topic(kind: Kind, camera: str) -> bytes:
    """Return the topic of one camera's messages of a kind."""
    return f"{kind}/{camera}".encode()


def plain_topic(camera: str, width: int) -> bytes:
    """Return the topic of one camera's plain pictures of at most a width."""
    return f"plain/{camera}/{width}".encode()


def matches(subscriptions: Iterable[str], received: bytes) -> bool:
    """Return whether a message of this topic was asked for.

    A subscription names a topic in full, or ends in "/" or is empty and stands for all that
    begin with it.
    """
    text = received.decode(errors="replace")
    return any(
        text == subscription
        or ((not subscription or subscription.endswith("/")) and text.startswith(subscription))
        for subscription in subscriptions
    )


def wanted(prefixes: Iterable[bytes], kind: Kind, camera: str) -> bool:
    """Return whether any of a publisher's subscriptions asks for this very camera.

    A prefix that ends within the camera's name, as `frame/door` within `frame/door2`, asks for
    the camera of that name and not for this one.
    """
    every, this = f"{kind}/".encode(), topic(kind, camera)
    return any(every.startswith(prefix) or prefix == this for prefix in prefixes)
