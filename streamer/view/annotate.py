"""Boxes and labels on a frame: what a person looks at."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.view.fonts import text_mask

KNOWN_BGR = (80, 175, 76)
STRANGER_BGR = (48, 96, 255)
UNDECIDED_BGR = (170, 170, 170)
_MARGIN_PX = 4


@dataclass(frozen=True)
class Label:
    """A box in frame pixels with its text; `decided` is False before the track has a decision."""

    box_xywh: tuple[int, int, int, int]
    identity: str | None
    stranger: str | None
    probability: float
    decided: bool

    @property
    def text(self) -> str:
        """`NAME 97.12%`, or the stranger's id."""
        if not self.decided:
            return "..."
        if self.identity is None:
            return self.stranger or "unknown"
        return f"{self.identity} {self.probability:.2%}"

    @property
    def colour_bgr(self) -> tuple[int, int, int]:
        """Green for the enrolled, orange for strangers, grey for the undecided."""
        if not self.decided:
            return UNDECIDED_BGR
        return STRANGER_BGR if self.identity is None else KNOWN_BGR


def annotate(image_bgr: NDArray[np.uint8], labels: list[Label]) -> None:
    """Draw onto a (height, width, 3) uint8 BGR picture, in place."""
    height, width = image_bgr.shape[:2]
    size = max(14, height // 36)
    for label in labels:
        x, y, w, h = label.box_xywh
        cv2.rectangle(image_bgr, (x, y), (x + w, y + h), label.colour_bgr, max(2, height // 360))
        mask = _text_mask(label.text, size)
        rows, columns = min(mask.shape[0], height), min(mask.shape[1], width)
        top = min(max(0, y - rows if y >= rows else y + h), height - rows)
        left = min(max(0, x), width - columns)
        patch = image_bgr[top : top + rows, left : left + columns]
        cover = mask[:rows, :columns, None].astype(np.uint16)
        ground = np.array(label.colour_bgr, np.uint16)
        patch[:] = ((255 - cover) * ground + cover * 255) // 255


@lru_cache(maxsize=256)
def _text_mask(text: str, size: int) -> NDArray[np.uint8]:
    return text_mask(text, size, _MARGIN_PX)
