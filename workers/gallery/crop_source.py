"""Where a crop came from, as a value and as the text that galleries and tables keep."""

import re
from dataclasses import dataclass

_PLACE = re.compile(r"(?:#(?P<track>[0-9]*))?@(?P<seconds>[0-9]+(?:\.[0-9]+)?)s\Z")
_LOOKS_LIKE_A_CLIP = re.compile(r"@[0-9]+(?:\.[0-9]+)?s@*\Z")
_LOOKS_LIKE_A_TRACK = re.compile(r"#[0-9]*\Z")


@dataclass(frozen=True)
class CropSource:
    """A photo, or a moment of a clip, and there perhaps one of the faces that were followed.

    path: the file. seconds: the time in the clip, None for a photo; the text keeps hundredths.
    track: the number of the face that was followed; it needs `seconds`.
    """

    path: str
    track: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.track is not None and self.seconds is None:
            raise ValueError(f"a track must have a time. Received: {self!r}")

    @property
    def text(self) -> str:
        """`photo.jpg`, `clip.mp4@1.20s` or `clip.mp4#2@1.20s`; `parse` reads it.

        A file whose own name looks like a place in a clip has a mark to tell: a photo a further
        `@` at the end, a clip an empty `#`.
        """
        if self.seconds is None:
            return f"{self.path}@" if _LOOKS_LIKE_A_CLIP.search(self.path) else self.path
        track = "" if self.track is None else f"#{self.track}"
        if self.track is None and _LOOKS_LIKE_A_TRACK.search(self.path):
            track = "#"
        return f"{self.path}{track}@{self.seconds:.2f}s"

    @staticmethod
    def parse(text: str) -> "CropSource":
        """Read what `text` wrote; any text is a source."""
        place = _PLACE.search(text)
        if place is None:
            marked = text.endswith("@") and _LOOKS_LIKE_A_CLIP.search(text)
            return CropSource(text[:-1] if marked else text)
        track = int(place["track"]) if place["track"] else None
        return CropSource(text[: place.start()], track, float(place["seconds"]))

    @property
    def followed_face(self) -> tuple[str, int | None]:
        """The file and the track in it: the same for all crops of a face that was followed."""
        return self.path, self.track
