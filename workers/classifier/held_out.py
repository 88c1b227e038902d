"""What was said of each enrolled crop while it was held out of the fit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.classifier.scorers import NOBODY


@dataclass(frozen=True)
class HeldOut:
    """n crops, as the gallery has them. person (n,) int32: who it was named as, -1 for nobody.

    probability (n,) float32: of the best candidate, named or not.
    """

    person: NDArray[np.int32]
    probability: NDArray[np.float32]

    def __post_init__(self) -> None:
        fit = (
            self.person.dtype == np.int32
            and self.person.ndim == 1
            and self.probability.dtype == np.float32
            and self.probability.shape == self.person.shape
            and bool(np.isfinite(self.probability).all())
        )
        if not fit:
            raise ValueError("what was said of held-out crops must be int32 and float32, (n,) both")

    def without_person(self, person: int, labels: NDArray[np.int32]) -> "HeldOut":
        """Return the same of everybody else's crops; who was named so is nobody.

        labels (n,): whose the crops are.
        """
        keep = labels != person
        said = self.person[keep]
        others = np.where(said == person, NOBODY, said - (said > person))
        return HeldOut(np.asarray(others, np.int32), self.probability[keep])
