"""Tracks of several crops, as identification judges them: the mean of crops of one person."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import IdentifyConfig
from workers.classifier.classifier import Classifier
from workers.identity.template import Template

TRACK_CROPS = (2, 4, 8)
_TRACKS_EACH = 5
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class TrackOutcomes:
    """Tracks that were tested, (n,) each: of how many `crops`, the `truth` and who was `named`.

    -1 is nobody: as truth, a stranger.
    """

    crops: Ints
    truth: Ints
    named: Ints

    def of(self, crops: int, strangers: bool) -> "TrackOutcomes":
        """Return the tracks of so many crops of strangers, or of the enrolled."""
        kept = (self.crops == crops) & ((self.truth < 0) == strangers)
        return TrackOutcomes(crops=self.crops[kept], truth=self.truth[kept], named=self.named[kept])

    @property
    def named_rightly(self) -> int:
        """How many have their own name."""
        return int(((self.named == self.truth) & (self.truth >= 0)).sum())

    @property
    def named_wrongly(self) -> int:
        """How many have another's."""
        return int(((self.named >= 0) & (self.named != self.truth)).sum())


def try_tracks(
    classifier: Classifier,
    vectors: NDArray[np.float32],
    labels: NDArray[np.int32],
    *,
    spread: float,
    number: Callable[[int | None], int],
    strangers: bool,
    seed: int,
) -> TrackOutcomes:
    """Draw tracks from each person's (n, 128) crops and name them.

    `number` tells whose a candidate of the classifier is; `spread` is of the embeddings. Of people
    with fewer crops than a track takes there are none.
    """
    rng = np.random.default_rng(seed)
    crops, truth, templates = [], [], []
    for person in np.unique(labels):
        own = np.flatnonzero(labels == person)
        for count in TRACK_CROPS:
            for _ in range(_TRACKS_EACH if len(own) >= count else 0):
                template = Template(IdentifyConfig().template_crops, spread)
                for row in rng.choice(own, count, replace=False):
                    template.add(vectors[row], 1.0)
                templates.append(template)
                crops.append(count)
                truth.append(-1 if strangers else int(person))
    named = []
    if templates:
        rows = np.stack([template.vector for template in templates])
        worth = np.array([template.independent for template in templates])
        named = [number(found.person) for found in classifier.predict(rows, worth)]
    return TrackOutcomes(
        crops=np.array(crops, np.int64),
        truth=np.array(truth, np.int64),
        named=np.array(named, np.int64),
    )


def joined_tracks(parts: Sequence[TrackOutcomes]) -> TrackOutcomes:
    """All together."""
    none = np.empty(0, np.int64)
    return TrackOutcomes(
        **{
            field.name: np.concatenate([none, *(getattr(part, field.name) for part in parts)])
            for field in fields(TrackOutcomes)
        }
    )
