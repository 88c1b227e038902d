"""Which search of the whole picture is due: for which heads, and where.

Faces that look into the camera are searched for at every interval, coarsely and finely in turn, and
between those searches, half as often, heads that look left and right in turn. Each kind of search
looks where something moved since it looked there last, and everywhere once in a while.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from streamer.config.sections import DetectConfig
from streamer.vision.boxes import Box
from streamer.vision.detect import HaarDetector
from streamer.vision.reduced import Reduced
from streamer.vision.scene import Cells, MotionGate


class DueSearch(NamedTuple):
    """A search: its detector, and the regions, in the reduced picture's pixels."""

    haar: HaarDetector
    regions: list[Box]


@dataclass
class _Kind:
    haar: HaarDetector
    gate: MotionGate = field(default_factory=MotionGate)
    searched_all_ms: float = -math.inf


class SearchRota:
    """The searches of one camera; its detectors are for one search at a time.

    Raises ConfigError where the cascade cannot be loaded.
    """

    def __init__(self, config: DetectConfig) -> None:
        self._config = config
        self._frontal = deque(_Kind(haar) for haar in HaarDetector.frontal_of(config))
        self._profiles = deque(
            _Kind(haar) for haar in (HaarDetector.profiles_of(config) if config.profiles else ())
        )
        self.begin_anew()

    def begin_anew(self) -> None:
        """Search at once, everywhere, for faces that look into the camera: the scene is new."""
        self._frontal_ms = self._profile_ms = -math.inf
        for kind in (*self._frontal, *self._profiles):
            kind.searched_all_ms = -math.inf

    def next(
        self, picture: Reduced, cells: Cells, held: list[Box], media_ms: float, rarely: float
    ) -> DueSearch | None:
        """Return the search that is due in this frame, if one is, and take it for done.

        held: faces that need no search, in the reduced picture's pixels; rarely: a factor on the
        pauses between searches.
        """
        config = self._config
        interval_ms = config.search_interval_ms * rarely
        if not 0 <= media_ms - self._frontal_ms < interval_ms:
            self._frontal_ms = media_ms
            kind = self._frontal[0]
            if config.search_interval_ms == 0:  # all of it, in every frame
                return DueSearch(kind.haar, [picture.whole])
            self._frontal.rotate()
        elif self._profiles and not 0 <= media_ms - self._profile_ms < 2 * interval_ms:
            self._profile_ms = media_ms
            kind = self._profiles[0]
            self._profiles.rotate()
        else:
            return None
        everywhere = not 0 <= media_ms - kind.searched_all_ms < config.search_all_ms * rarely
        if everywhere:
            kind.searched_all_ms = media_ms
        regions = kind.gate.regions(picture, cells, held, everywhere)
        return DueSearch(kind.haar, regions) if regions else None
