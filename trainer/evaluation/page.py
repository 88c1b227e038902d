"""One HTML page that opens offline: pictures, tables and figures are inside it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from streamer.vision.images import encode_image
from trainer.evaluation.plots import png


@dataclass(frozen=True)
class Pair:
    """Two pictures beside each other, as base64 PNG, and a line below them."""

    first: str
    second: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """A section of the page; what is empty is left out."""

    title: str
    text: str = ""
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    figures: Sequence[str] = ()
    pairs: Sequence[Pair] = field(default_factory=list)
    code: str = ""


def figure_data(figure: Figure) -> str:
    """Make a figure for `Part.figures`."""
    return base64.b64encode(png(figure)).decode()


def crop_data(crop_rgb: NDArray[np.uint8]) -> str:
    """Make a crop for `Pair`."""
    bgr = np.ascontiguousarray(crop_rgb[:, :, ::-1])
    return base64.b64encode(encode_image(bgr, ".png")).decode()


def page(
    title: str,
    summary: Sequence[str],
    notes: Sequence[str],
    sections: Sequence[Part],
    csv: bytes = b"",
) -> bytes:
    """Render the page; every text is escaped."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(
        Path(__file__).with_name("report.html.j2").read_text(encoding="utf-8")
    )
    return template.render(
        title=title,
        summary=summary,
        notes=notes,
        sections=sections,
        csv=base64.b64encode(csv).decode(),
    ).encode()
