"""Folders of photos, nested or flat."""

from collections.abc import Collection, Iterable
from pathlib import Path

from streamer.errors import DatasetError

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"})


def find_photos(roots: Iterable[Path], leave_out: Collection[str] = ()) -> list[Path]:
    """Every photo below the folders, sorted; none in a folder whose name is in `leave_out`.

    Raises DatasetError for a root that is no folder or holds no photo.
    """
    photos: list[Path] = []
    for root in roots:
        if not root.is_dir():
            raise DatasetError(f"{root}: a dataset must be a folder of photos")
        found = sorted(
            path
            for path in root.rglob("*")
            if path.suffix.lower() in PHOTO_SUFFIXES and path.parent.name not in leave_out
        )
        if not found:
            raise DatasetError(f"{root}: has no photo ({', '.join(sorted(PHOTO_SUFFIXES))})")
        photos += found
    return photos
