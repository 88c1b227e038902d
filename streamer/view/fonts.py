"""Text on pictures in whatever script a name is written in.

DejaVu Sans, which ships with matplotlib, has Latin, Greek, Cyrillic, Arabic and more, but neither
Chinese, Japanese nor Korean: for these, a font of the system is taken where one is installed. A
letter that no font has is written as its code, such as `[674E]`, so that names stay apart.
"""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_SYSTEM_FONTS = Path("/usr/share/fonts")
_SYSTEM_PATTERNS = (
    "DejaVuSans.ttf",
    "NotoSansCJK*-Regular.ttc",
    "NotoSans[JKST]*-Regular.[ot]tf",
    "SourceHanSans*-Regular.[ot]t[fc]",
    "wqy-*.ttc",
    "DroidSansFallback*.ttf",
    "unifont*.[ot]tf",
)
_NO_LETTER = "\uffff"
"""Not a character in Unicode, so what a font draws for it is its sign for a missing glyph."""


@lru_cache(maxsize=1)
def font_paths() -> tuple[Path, ...]:
    """Find the fonts to draw with, in the order in which they are asked for a letter."""
    found = []
    matplotlib = find_spec("matplotlib")  # found, not imported: only its font is wanted
    if matplotlib is not None and matplotlib.origin is not None:
        found.append(Path(matplotlib.origin).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf")
    for pattern in _SYSTEM_PATTERNS:
        found += sorted(_SYSTEM_FONTS.rglob(pattern))[:1]
    return tuple(path for path in found if path.is_file())


def text_mask(
    text: str, size: int, margin_px: int = 0, paths: Sequence[Path] | None = None
) -> NDArray[np.uint8]:
    """Draw a line of text as a (height, width) uint8 mask: 0 beside the letters, 255 on them.

    The height is that of the fonts' tallest letters, so that lines of one size are even. `size` is
    in pixels; `paths` are the fonts to draw with, by default `font_paths()`.
    """
    fonts = font_paths() if paths is None else tuple(paths)
    runs = list(_runs(text, size, fonts)) or [("", _font(0, fonts, size))]
    width = sum(font.getlength(part) for part, font in runs)
    above, below = np.max([font.getmetrics() for _, font in runs], axis=0).tolist()
    shape = (math.ceil(width) + 2 * margin_px, above + below + 2 * margin_px)
    picture = Image.new("L", (max(1, shape[0]), shape[1]), 0)
    draw = ImageDraw.Draw(picture)
    left = float(margin_px)
    for part, font in runs:
        draw.text((left, margin_px + above), part, fill=255, font=font, anchor="ls")
        left += font.getlength(part)
    return np.asarray(picture, np.uint8)


def _runs(
    text: str, size: int, paths: tuple[Path, ...]
) -> Iterator[tuple[str, ImageFont.FreeTypeFont]]:
    """Split text into parts that one font can draw; a letter that none has becomes its code."""
    chosen = [(letter, _font_number(letter, paths)) for letter in text]
    for number, letters in groupby(chosen, key=lambda pair: pair[1]):
        part = "".join(letter for letter, _ in letters)
        if number is None:
            part = "".join(f"[{ord(letter):04X}]" for letter in part)
        yield part, _font(number or 0, paths, size)


@lru_cache(maxsize=4096)
def _font_number(letter: str, paths: tuple[Path, ...]) -> int | None:
    """Find the first font that has a letter; the one after the last path is Pillow's own."""
    for number in range(len(paths) + 1):
        font = _font(number, paths, 32)
        if bytes(font.getmask(letter)) != bytes(font.getmask(_NO_LETTER)):
            return number
    return None


@lru_cache(maxsize=64)
def _font(number: int, paths: tuple[Path, ...], size: int) -> ImageFont.FreeTypeFont:
    if number < len(paths):
        return ImageFont.truetype(paths[number], size)
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise OSError("Pillow must be built with FreeType to draw text")
    return font
