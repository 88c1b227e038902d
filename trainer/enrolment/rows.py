"""Rows of a harvest: every face that was looked at, with its verdict."""

from dataclasses import dataclass, field

from streamer.vision.quality import MeasuredCrop
from workers.gallery.crop_source import CropSource


@dataclass(frozen=True)
class Face:
    """A photo or a looked-at frame of a clip, and the face in it.

    crop: the face, or the whole picture made small (0 px wide) where none was found. refused:
    why it cannot be used, or "". warning: what is not as it should be, and is used all the same.
    looks_like: whom, where somebody said that it is another person.
    """

    source: CropSource
    crop: MeasuredCrop
    refused: str = ""
    warning: str = ""
    looks_like: str = ""

    @property
    def found(self) -> bool:
        """True where there is a face."""
        return self.crop.face_px > 0


@dataclass
class Harvest:
    """All rows; `refused_files` are those that could not be looked into, with the reason."""

    faces: list[Face] = field(default_factory=list)
    refused_files: list[tuple[str, str]] = field(default_factory=list)

    @property
    def usable(self) -> list[Face]:
        """The rows that were not refused."""
        return [face for face in self.faces if not face.refused]

    @property
    def refused(self) -> list[tuple[str, str]]:
        """What was refused and why; frames of a clip with the same reason are counted."""
        counted: dict[tuple[str, str], int] = {}
        for face in self.faces:
            if face.refused:
                key = (face.source.path, face.refused)
                counted[key] = counted.get(key, 0) + 1
        clips = {face.source.path for face in self.faces if face.source.seconds is not None}
        return self.refused_files + [
            (f"{path} ({count} frames)" if path in clips else path, why)
            for (path, why), count in counted.items()
        ]
