"""People's names: which are allowed, when two are the same, and as parts of file names."""

import re
import unicodedata

from streamer.errors import GalleryError

MAX_NAME = 64


def check_name(name: str) -> str:
    """Return a person's name in Unicode's composed form, trimmed. Raises GalleryError."""
    composed = composed_name(name)
    printable = all(not unicodedata.category(letter).startswith("C") for letter in composed)
    if not 1 <= len(composed) <= MAX_NAME or not printable:
        raise GalleryError(
            f"a name must have 1 to {MAX_NAME} printable characters. Received: {name[:80]!r}"
        )
    return composed


def composed_name(name: str) -> str:
    """Return the form in which names are compared: composed (NFC) and trimmed."""
    return unicodedata.normalize("NFC", name).strip()


def file_name_of(name: str) -> str:
    """Return a person's name as a part of a file's name."""
    return re.sub(r"[^\w-]", "_", name)


def is_mentioned(name: str, text: str) -> bool:
    """Tell whether a text has a name in it, as words of its own."""
    whole = rf"(?<!\w){re.escape(composed_name(name))}(?!\w)"
    return re.search(whole, unicodedata.normalize("NFC", text)) is not None
