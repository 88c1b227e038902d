"""What a report says of tracks of several crops, beside single ones."""

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.cross_validation import NOBODY, Evaluation, interval
from trainer.evaluation.page import Part
from trainer.evaluation.tracks import TRACK_CROPS, TrackOutcomes


def track_figures(tracks: TrackOutcomes) -> dict[str, float | int | list[float]]:
    """Compute the figures of tracks, by name; those of which none was tested are left out."""
    figures: dict[str, float | int | list[float]] = {}
    for crops in TRACK_CROPS:
        known, strangers = (tracks.of(crops, strange) for strange in (False, True))
        if len(known.truth):
            figures[f"tracks_of_{crops}"] = len(known.truth)
            figures[f"tracks_of_{crops}_named_rightly"] = known.named_rightly / len(known.truth)
            figures[f"tracks_of_{crops}_misnamed"] = known.named_wrongly / len(known.truth)
        if len(strangers.truth):
            named = strangers.named_wrongly / len(strangers.truth)
            figures[f"tracks_of_{crops}_strangers_named"] = named
    return figures


def tracks_part(used: Evaluation) -> Part:
    """Return the report's part about tracks, with single crops first."""
    rows = [
        ["1", *_share(used.own.named == used.own.truth), *_share(used.strangers.named != NOBODY)]
    ]
    for crops in TRACK_CROPS:
        own, strangers = (used.tracks.of(crops, strange) for strange in (False, True))
        right, foreign = own.named == own.truth, strangers.named != NOBODY
        rows.append([str(crops), *_share(right), *_share(foreign)])
    text = (
        "Crops of one person, from different photos or clips where there are any, judged by their "
        "mean, as identification judges a face over time. Crops of one moment are worth fewer: the "
        "limit goes with how unlike each other they are."
    )
    head = ["crops", "named rightly", "of the enrolled", "named", "of strangers"]
    return Part(title="Tracks", text=text, head=head, rows=rows)


def _share(hits: NDArray[np.bool_]) -> list[str]:
    """Return a share with its 95 % interval, and of how many."""
    if not len(hits):
        return ["not tested", "0"]
    low, high = interval(int(hits.sum()), len(hits))
    return [f"{hits.mean():.1%} ({low:.1%} to {high:.1%})", str(len(hits))]
