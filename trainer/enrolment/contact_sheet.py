"""A contact sheet: what enrolment took and refused, as a picture to look at, and as a CSV."""

import csv
import io
from collections.abc import Sequence
from itertools import islice

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from streamer.constants import CROP_SIZE
from streamer.vision.images import encode_image
from trainer.enrolment.harvest import Face

_COLUMNS = 8
_TILE_W, _TILE_H = CROP_SIZE + 44, CROP_SIZE + 44
_MAX_TILES = 240
_USED, _REFUSED = (60, 140, 60), (200, 60, 40)


def sheet_jpeg(title: str, faces: Sequence[Face]) -> bytes:
    """The crops used (green) and refused (red, with the reason), the used first."""
    ordered = sorted(faces, key=lambda face: (bool(face.refused), face.refused, face.source))
    shown = list(islice(ordered, _MAX_TILES))
    rows = max(1, -(-len(shown) // _COLUMNS))
    sheet = Image.new("RGB", (_COLUMNS * _TILE_W + 8, rows * _TILE_H + 30), "white")
    draw = ImageDraw.Draw(sheet)
    large, small = ImageFont.load_default(15), ImageFont.load_default(10)
    used = sum(not face.refused for face in faces)
    more = f"; the first {len(shown)} of {len(faces)}" if len(shown) < len(faces) else ""
    draw.text((8, 6), f"{title}: {used} used, {len(faces) - used} refused{more}", "black", large)
    for index, face in enumerate(shown):
        left, top = 8 + index % _COLUMNS * _TILE_W, 30 + index // _COLUMNS * _TILE_H
        colour = _REFUSED if face.refused else _USED
        draw.rectangle((left, top, left + CROP_SIZE + 5, top + CROP_SIZE + 5), fill=colour)
        sheet.paste(Image.fromarray(face.crop_rgb), (left + 3, top + 3))
        text = face.refused or f"{face.face_px:.0f} px, sharp {face.sharpness:.3f}"
        for line, part in enumerate(_wrapped(text, 24)[:3]):
            draw.text((left, top + CROP_SIZE + 7 + 11 * line), part, colour, small)
    return encode_image(np.ascontiguousarray(np.asarray(sheet, np.uint8)[:, :, ::-1]), ".jpg", 88)


def manifest_csv(people: Sequence[tuple[str, Sequence[Face], Sequence[tuple[str, str]]]]) -> bytes:
    """A line for each face and each file that could not be read: person, faces, files."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["person", "source", "outcome", "reason", "face_px", "sharpness", "brightness", "quality"]
    )
    for person, faces, files in people:
        for face in faces:
            numbers = (face.face_px, face.sharpness, face.brightness, face.quality)
            outcome = "refused" if face.refused else "used"
            writer.writerow(
                [person, face.source, outcome, face.refused, *(f"{n:.4g}" for n in numbers)]
            )
        for source, reason in files:
            writer.writerow([person, source, "refused", reason, "", "", "", ""])
    return text.getvalue().encode()


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
