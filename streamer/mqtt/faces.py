"""Pictures of faces, cut from the pictures that view publishes, while somebody new is there.

An event names the frame in which it saw the face, so the face is cut from that very frame. Pictures
are subscribed to from somebody's entry until the first such frame, for a few seconds at most.
"""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from streamer.vision.images import decode_image, encode_image
from streamer.wire.messages import FrameEvent, IdentityEvent
from streamer.wire.shared_frames import SLOT_PIXEL_BYTES

WANTED_S = 5.0
AGAIN_S = 2.0
MAX_PICTURES = 30
MAX_PICTURE_BYTES = 4 * 1024 * 1024
MAX_LOOKS = 8
FACE_QUALITY = 90


@dataclass
class _Wish:
    """A face that is wanted, with the pictures and the looks at it that have come."""

    track: str
    who: str
    until_s: float
    pictures: deque[tuple[FrameEvent, bytes]] = field(
        default_factory=lambda: deque(maxlen=MAX_PICTURES)
    )
    looks: deque[IdentityEvent] = field(default_factory=lambda: deque(maxlen=MAX_LOOKS))


@dataclass(frozen=True)
class Face:
    """A face as a JPEG."""

    camera: str
    who: str
    jpeg: bytes


class Faces:
    """`watch(camera, wanted)` subscribes to a camera's pictures, or ends it."""

    def __init__(self, watch: Callable[[str, bool], None]) -> None:
        self._watch = watch
        self._wishes: dict[str, _Wish] = {}
        self._not_before: dict[str, float] = {}

    def want(self, camera: str, track: str, who: str, now_s: float) -> None:
        """Want the face of a track; one wish a camera, and not too often."""
        if camera not in self._wishes and now_s >= self._not_before.get(camera, 0.0):
            self._wishes[camera] = _Wish(track, who, now_s + WANTED_S)
            self._watch(camera, True)

    def take_event(self, event: IdentityEvent) -> Face | None:
        """Learn where the face was in a frame."""
        wish = self._wishes.get(event.camera)
        if wish is None or wish.track != event.track or event.event == "exit":
            return None
        if (event.identity or event.stranger) != wish.who:
            return None
        wish.looks.append(event)
        return self._match(event.camera, wish)

    def take_picture(self, frame: FrameEvent, jpeg: bytes) -> Face | None:
        """Learn of a picture."""
        wish = self._wishes.get(frame.camera)
        if wish is None or len(jpeg) > MAX_PICTURE_BYTES:
            return None
        wish.pictures.append((frame, jpeg))
        return self._match(frame.camera, wish)

    def expire(self, now_s: float) -> None:
        """Give wishes up that have taken too long."""
        for camera, wish in list(self._wishes.items()):
            if now_s >= wish.until_s:
                self.give_up(camera)

    def give_up(self, camera: str) -> None:
        """Want no face of a camera."""
        if self._wishes.pop(camera, None) is not None:
            self._watch(camera, False)

    def forget(self, people: Collection[str]) -> None:
        """Want no face of these."""
        for camera, wish in list(self._wishes.items()):
            if wish.who in people:
                self.give_up(camera)

    def done(self, camera: str, now_s: float) -> None:
        """End a wish that was granted; the next one has to wait a moment."""
        self._not_before[camera] = now_s + AGAIN_S
        self.give_up(camera)

    def _match(self, camera: str, wish: _Wish) -> Face | None:
        for look in wish.looks:
            for frame, jpeg in wish.pictures:
                same_run = look.track.startswith(f"{frame.epoch}-")
                if same_run and frame.sequence == look.sequence:
                    cut = cut_face(jpeg, look.box_xywh)
                    return Face(camera, wish.who, cut) if cut else None
        return None


def cut_face(jpeg: bytes, box_xywh: tuple[int, int, int, int]) -> bytes | None:
    """Cut a box's inside from a picture, without the lines that view has drawn around it.

    Returns a JPEG; None where the picture has nothing there, or may have been made smaller for its
    way through shared memory, so that boxes do not fit it.
    """
    image = decode_image(jpeg)
    if image is None or 0.999 * SLOT_PIXEL_BYTES < image.nbytes < SLOT_PIXEL_BYTES:
        return None
    height, width = image.shape[:2]
    line = max(2, height // 360)  # as `streamer.view.annotate` draws it
    x, y, w, h = box_xywh
    left, top = max(0, x + line), max(0, y + line)
    right, bottom = min(width, x + w - line), min(height, y + h - line)
    if right - left < 8 or bottom - top < 8:
        return None
    return encode_image(image[top:bottom, left:right], quality=FACE_QUALITY)
