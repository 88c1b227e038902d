"""Who is enrolled, put together from the parts in which the gallery is published."""

from streamer.wire.messages import GalleryEvent

MAX_PARTS = 200


class Roster:
    """`names` is None until all parts of a version have come."""

    def __init__(self) -> None:
        self.names: frozenset[str] | None = None
        self._of: tuple[str, str, int, int] | None = None
        self._parts: dict[int, tuple[str, ...]] = {}

    def take(self, event: GalleryEvent) -> frozenset[str]:
        """Learn from a part; return who is enrolled no more."""
        of = event.version, event.fingerprint, event.people, event.parts
        if of != self._of:
            self._of, self._parts = of, {}
        if event.part < MAX_PARTS:
            self._parts[event.part] = event.names
        if len(self._parts) < min(event.parts, MAX_PARTS):
            return frozenset()
        before = self.names or frozenset()
        self.names = frozenset(name for part in self._parts.values() for name in part)
        return before - self.names
