"""A contact sheet: what enrolment took and refused, as a picture to look at, and as a CSV."""

import csv
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from streamer.constants import CROP_SIZE
from streamer.view.fonts import text_mask
from streamer.vision.images import encode_image
from trainer.enrolment.rows import Face

_COLUMNS = 8
_TILE_W, _TILE_H = CROP_SIZE + 44, CROP_SIZE + 44
_MAX_TILES = 240
_LETTERS = 24
_HEADING_PX, _TEXT_PX = 14, 9
_BLACK, _USED, _REFUSED = (0, 0, 0), (60, 140, 60), (200, 60, 40)


def sheet_jpeg(title: str, faces: Sequence[Face], counts: str = "") -> bytes:
    """Draw the crops used (green) and refused (red, with the reason), the used first, as JPEG.

    counts: what the heading says of how many there are, if not so many used and refused.
    """
    ordered = sorted(faces, key=lambda face: (bool(face.refused), face.refused, face.source.text))
    shown = ordered[:_MAX_TILES]
    rows = max(1, -(-len(shown) // _COLUMNS))
    sheet = Image.new("RGB", (_COLUMNS * _TILE_W + 8, rows * _TILE_H + 30), "white")
    draw = ImageDraw.Draw(sheet)
    used = sum(not face.refused for face in faces)
    more = f"; the first {len(shown)} of {len(faces)}" if len(shown) < len(faces) else ""
    counts = counts or f"{used} used, {len(faces) - used} refused"
    heading = f"{title}: {counts}{more}"
    _write(sheet, (8, 6), heading, _BLACK, _HEADING_PX)
    for index, face in enumerate(shown):
        left, top = 8 + index % _COLUMNS * _TILE_W, 30 + index // _COLUMNS * _TILE_H
        colour = _REFUSED if face.refused else _USED
        draw.rectangle((left, top, left + CROP_SIZE + 5, top + CROP_SIZE + 5), fill=colour)
        sheet.paste(Image.fromarray(face.crop.crop_rgb), (left + 3, top + 3))
        measured = f"{face.crop.face_px:.0f} px, sharp {face.crop.sharpness:.3f}"
        text = face.refused or face.warning or measured
        for line, part in enumerate(_wrapped(text, _LETTERS)[:3]):
            _write(sheet, (left, top + CROP_SIZE + 7 + 12 * line), part, colour, _TEXT_PX)
    return encode_image(np.ascontiguousarray(np.asarray(sheet, np.uint8)[:, :, ::-1]), ".jpg", 88)


def manifest_csv(people: Sequence[tuple[str, Sequence[Face], Sequence[tuple[str, str]]]]) -> bytes:
    """Write a line for each face and each file that could not be read: person, faces, files."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            "person", "source", "outcome", "reason", "face_px", "sharpness", "brightness",
            "quality", "warning",
        ]
    )  # fmt: skip
    for person, faces, files in people:
        for face in faces:
            crop = face.crop
            numbers = (crop.face_px, crop.sharpness, crop.brightness, crop.quality)
            figures = [f"{number:.4g}" for number in numbers] if face.found else [""] * 4
            outcome = "refused" if face.refused else "used"
            # `forget` goes by this text: see workers/gallery/traces.py.
            reason = face.refused or (face.looks_like and f"looks like {face.looks_like}")
            row = [person, face.source.text, outcome, reason, *figures, face.warning]
            writer.writerow(row)
        for source, reason in files:
            writer.writerow([person, source, "refused", reason, "", "", "", "", ""])
    return text.getvalue().encode()


def _write(
    sheet: Image.Image, place: tuple[int, int], text: str, colour: tuple[int, int, int], size: int
) -> None:
    sheet.paste(colour, place, Image.fromarray(text_mask(text, size)))


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
