"""Folders of photos, nested or flat."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from streamer.errors import DatasetError
from streamer.vision.files import PHOTO_SUFFIXES


def find_photos(roots: Iterable[Path]) -> list[Path]:
    """Find every photo below the folders, sorted.

    Raises DatasetError for a root that is no folder or holds no photo.
    """
    photos: list[Path] = []
    for root in roots:
        if not root.is_dir():
            raise DatasetError(f"{root}: a dataset must be a folder of photos")
        found = sorted(path for path in root.rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES)
        if not found:
            known = ", ".join(sorted(PHOTO_SUFFIXES))
            raise DatasetError(f"{root}: has no photo ({known}; others must be converted)")
        photos += found
    return photos


def photos_key(photos: Sequence[Path]) -> str:
    """Return a word for file names that is the same for the same photos: path and size of each."""
    digest = hashlib.sha256()
    for path in photos:
        digest.update(f"{path} {path.stat().st_size}\n".encode())
    return digest.hexdigest()[:20]
