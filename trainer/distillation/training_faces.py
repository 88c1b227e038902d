"""What a distillation learns from: crops that differ each time, and the target of each face."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.vision.align import Alignment
from trainer.distillation.augment import square_crop
from trainer.distillation.level_crops import level_crop


@dataclass(frozen=True, kw_only=True)
class TrainingFaces:
    """Faces, how crops of them are cut, and what the student is to say of each.

    contexts: (n, 160, 160, 3) uint8 RGB; points: (n, 5, 2) in pixels of them; targets: (n, 128)
    float32 unit vectors. `facts`: what else tells a run on these from a run on others.
    `describe` says what the target of (n, 96, 96, 3) training crops would be, had the teachers
    seen nothing else.
    """

    contexts: NDArray[np.uint8]
    points: NDArray[np.float64]
    targets: NDArray[np.float32]
    alignment: Alignment
    facts: Mapping[str, Any]
    describe: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None

    def crop(self, index: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Cut one face, spoilt by chance: (96, 96, 3) float32 RGB in [0, 1]."""
        if self.alignment == "level":
            return level_crop(self.contexts[index], self.points[index], rng)
        return square_crop(self.contexts[index], rng)
