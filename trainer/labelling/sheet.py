"""The contact sheet: each draft track as a row of pictures over time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from streamer.view.fonts import text_mask
from streamer.vision.crop import cut_crop
from streamer.vision.images import encode_image
from trainer.labelling.linking import Draft
from trainer.labelling.looking import Looked
from trainer.support.clips import frames_of
from trainer.truth.file import Truth

_TILE = 104
_COLUMNS = 12
_ROWS = 12
_TEXT_PX, _SMALL_PX = 14, 10
_FOUND, _FOLLOWED = (60, 140, 60), (214, 137, 16)
_ENLARGE = 1.7


@dataclass
class View:
    """One face at one time: (104, 104, 3) uint8 RGB; found by a cascade, or only followed."""

    at_ms: float
    found: bool
    tile_rgb: NDArray[np.uint8]


def cut_views(clip: Path, looked: Looked, drafts: Sequence[Draft]) -> list[list[View]]:
    """Read the clip once more and cut each track's views, spread over its time."""
    wanted: dict[int, list[int]] = {}
    for index, draft in enumerate(drafts):
        count = min(_COLUMNS, len(draft.boxes))
        for step in np.linspace(0, len(draft.boxes) - 1, count).round():
            wanted.setdefault(draft.first + int(step), []).append(index)
    views: list[list[View]] = [[] for _ in drafts]
    for number, (_, image_bgr) in enumerate(frames_of(clip)):
        for index in wanted.get(number, []):
            draft = drafts[index]
            at = number - draft.first
            tile = cut_crop(image_bgr, draft.boxes[at], _ENLARGE, _TILE)
            views[index].append(View(looked.ms(number), draft.found[at], tile))
    return views


def sheet_pages(draft: Truth, views: Sequence[Sequence[View]]) -> Iterator[bytes]:
    """Yield the pages as JPEG: a row for each track, person by person."""
    order = sorted(range(len(draft.tracks)), key=lambda i: (_number(draft.tracks[i].person), i))
    for begin in range(0, len(order), _ROWS):
        rows = order[begin : begin + _ROWS]
        height = len(rows) * (_TILE + 40) + 30
        page = Image.new("RGB", (_COLUMNS * (_TILE + 4) + 12, height), "white")
        _write(page, (8, 6), f"{draft.clip}: green found, orange followed", _TEXT_PX)
        for row, index in enumerate(rows):
            track = draft.tracks[index]
            top = 30 + row * (_TILE + 40)
            times = f"{track.start_ms / 1000:.1f} to {track.end_ms / 1000:.1f} s"
            box = track.keys[len(track.keys) // 2]
            size = f"{box.width:.0f} px at {box.x:.0f}, {box.y:.0f}"
            _write(page, (8, top), f"{track.person}, track {index + 1}: {times}, {size}", _TEXT_PX)
            for column, view in enumerate(views[index]):
                _paste(page, (8 + column * (_TILE + 4), top + 18), view)
        pixels = np.asarray(page, np.uint8)[:, :, ::-1]
        yield encode_image(np.ascontiguousarray(pixels), ".jpg", 85)


def _paste(page: Image.Image, place: tuple[int, int], view: View) -> None:
    left, top = place
    colour = _FOUND if view.found else _FOLLOWED
    ImageDraw.Draw(page).rectangle((left, top, left + _TILE + 1, top + _TILE + 1), fill=colour)
    page.paste(Image.fromarray(view.tile_rgb[2:-2, 2:-2]), (left + 3, top + 3))
    _write(page, (left, top + _TILE + 3), f"{view.at_ms / 1000:.1f}", _SMALL_PX)


def _write(page: Image.Image, place: tuple[int, int], text: str, size: int) -> None:
    page.paste((0, 0, 0), place, Image.fromarray(text_mask(text, size)))


def _number(person: str | None) -> int:
    tail = str(person).rpartition("-")[2]
    return int(tail) if tail.isdecimal() else 0
