"""Two faces at once before one camera are two people: the better one keeps the name."""

from collections.abc import Iterable

import numpy as np

from streamer.vision.boxes import iou_matrix
from workers.identity.camera import Presence

_ONE_FACE = 0.4


def loser(person: Presence, others: Iterable[Presence], margin: float) -> Presence | None:
    """Return who must give up the name that a person shares with another who is there, or None.

    It is the newcomer, unless it leads by `margin` more, in log-odds. Boxes that overlap by more
    than 0.4 (intersection over union) may be one face, found twice, and share a name.
    """
    name = person.face.vote.identity
    if name is None:
        return None
    for other in others:
        if (
            other is person
            or other.face.vote.identity != name
            or not (other.found and person.found)
            or _overlap(other.seen.box_xywh, person.seen.box_xywh) > _ONE_FACE
        ):
            continue
        mine, theirs = person.face.vote.lead, other.face.vote.lead
        held = other.entered is not None
        return other if mine > theirs + (margin if held else 0.0) else person
    return None


def _overlap(a_xywh: tuple[int, int, int, int], b_xywh: tuple[int, int, int, int]) -> float:
    """Return the intersection over the union of two boxes."""
    return float(iou_matrix(np.array([a_xywh], float), np.array([b_xywh], float))[0, 0])
