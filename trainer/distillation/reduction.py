"""Descriptors of any length to as many numbers as the student gives."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.teachers.descriptors import unit


@dataclass(frozen=True)
class Reduction:
    """Descriptors to targets of fewer numbers: less their mean, on their principal components.

    mean (k,), components (k, n), kept: the share of the energy that is left.
    """

    mean: NDArray[np.float32]
    components: NDArray[np.float32]
    kept: float

    def __call__(self, descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Reduce (m, k) descriptors to (m, n) unit vectors."""
        return unit((descriptors - self.mean) @ self.components)

    def turned(self, targets: NDArray[np.float32], start: NDArray[np.float32]) -> "Reduction":
        """Turn the targets to lie as near as can be to what a student gives already.

        targets, start: (m, n) of the same faces. A turn changes no similarity (Schönemann 1966).
        """
        left, _, right = np.linalg.svd(targets.T.astype(np.float64) @ start)
        turn = np.asarray(left @ right, np.float32)
        return Reduction(self.mean, self.components @ turn, self.kept)


def reduction_of(descriptors: NDArray[np.float32], numbers: int) -> Reduction:
    """Find the reduction to so many numbers that keeps most of (m, k) descriptors' energy.

    Where k is less than `numbers`, the others are 0.
    """
    mean = descriptors.mean(axis=0)
    covariance = np.cov((descriptors - mean).astype(np.float64), rowvar=False)
    energies, directions = np.linalg.eigh(covariance)
    kept = float(energies[-numbers:].sum() / energies.sum())
    components = np.zeros((len(mean), numbers), np.float32)
    chosen = directions[:, ::-1][:, :numbers]
    components[:, : chosen.shape[1]] = chosen
    return Reduction(np.asarray(mean, np.float32), components, kept)
