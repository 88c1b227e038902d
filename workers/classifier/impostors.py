"""What our embeddings look like in general: faces that are nobody's, and how one face varies.

`impostors.npz` beside the weights belongs to one weights file (its fingerprint is inside). Its
embeddings are random draws from a mixture of Gaussians fitted to embeddings of many people, sorted
into kinds of face; `variation` is a square root of the mean covariance within one person. No row
is a real person's. `trainer.finetuning.impostor_model` makes the file.
"""

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.constants import EMBEDDING_SIZE
from streamer.errors import WeightsError
from workers.network.weights_file import MIRROR, SHIPPED

_PRIOR_PEOPLE = 10.0
"""Strangers are expected to be of the kinds of face that so many people from anywhere and the
enrolled together are: who comes to a place resembles those who are known there."""

SHIPPED_IMPOSTORS = SHIPPED.with_name("impostors.npz")


@dataclass(frozen=True)
class Impostors:
    """embeddings: (n, 128) float32 unit vectors; variation: (128, 128) float32.

    kind: (n,) whole numbers from 0, which kind of face each is of; None where it was not stored.
    """

    embeddings: NDArray[np.float32]
    variation: NDArray[np.float32]
    fingerprint: str
    kind: NDArray[np.int64] | None = None

    def weights(
        self, gallery: NDArray[np.float32], labels: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Return how much each counts as a stranger to these people: (n,), sum 1.

        gallery (g, 128), labels (g,): embeddings of the enrolled, and whose they are.
        """
        even = np.full(len(self.embeddings), 1 / len(self.embeddings))
        if self.kind is None or not len(labels):
            return even
        present, kind = np.unique(self.kind, return_inverse=True)
        share = np.bincount(kind) / len(kind)
        centres = np.stack([self.embeddings[kind == k].mean(axis=0) for k in range(len(present))])
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        people = np.unique(labels)
        means = np.stack([gallery[labels == person].mean(axis=0) for person in people])
        own = np.bincount((means @ centres.T).argmax(axis=1), minlength=len(present))
        wanted = (_PRIOR_PEOPLE * share + own) / (_PRIOR_PEOPLE + len(people))
        return np.asarray(even * (wanted / share)[kind], np.float64)

    def same_person_limit(self, false_accept_rate: float = 1e-3) -> float:
        """Return the squared distance below which this share of pairs of different people lies."""
        return float(np.quantile(self._apart(), false_accept_rate))

    def share_nearer_than(self, squared_distance: float) -> float:
        """Return the share of pairs of different people that are nearer to each other than this."""
        return float((self._apart() < squared_distance).mean())

    @property
    def spread(self) -> float:
        """The mean squared distance between two crops of one person."""
        return 2.0 * float((self.variation.astype(np.float64) ** 2).sum())

    def _apart(self) -> NDArray[np.float32]:
        some = self.embeddings[:1000]
        apart = np.clip(2.0 - 2.0 * some @ some.T, 0.0, 4.0)
        return np.asarray(apart[np.triu_indices(len(some), 1)], np.float32)

    def variants(
        self, embeddings: NDArray[np.float32], each: int, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Draw `each` likely other embeddings of the same person for every row: (n * each, 128).

        Two crops of one person both vary around that person, hence the square root of two.
        """
        normal = rng.standard_normal((len(embeddings) * each, EMBEDDING_SIZE))
        noise = (np.sqrt(2.0) * normal @ self.variation.T).astype(np.float32)
        varied = np.repeat(embeddings, each, axis=0) + noise
        return np.asarray(varied / np.linalg.norm(varied, axis=1, keepdims=True), np.float32)


def impostors_path(weights: Path | None) -> Path:
    """Return the impostors file that belongs to a weights file (None: the shipped one)."""
    return weights.with_suffix(".impostors.npz") if weights else SHIPPED_IMPOSTORS


def load_impostors(weights: Path | None = None, fingerprint: str = "") -> Impostors:
    """Read and check the file beside a weights file (None: the shipped one).

    `fingerprint` is of the embeddings that they are for: `embedding_fingerprint`. Where each
    crop's mirror image is embedded, too, the impostors of plain embeddings may stand in.
    Raises WeightsError, also where it was made for embeddings of another fingerprint.
    """
    path = impostors_path(weights)
    if not path.is_file():
        raise WeightsError(
            f"{path}: these weights have no impostors yet; make them with: "
            f"facestream train impostors DATASET --weights {weights}"
        )
    impostors = _read(path)
    if fingerprint and impostors.fingerprint not in (fingerprint, fingerprint.removesuffix(MIRROR)):
        raise WeightsError(
            f"{path}: made for weights {impostors.fingerprint}, and these are {fingerprint}; make "
            f"it anew with: facestream train impostors"
        )
    return replace(impostors, fingerprint=fingerprint or impostors.fingerprint)


def _read(path: Path) -> Impostors:
    try:
        with np.load(path, allow_pickle=False) as stored:
            embeddings = stored["embeddings"].astype(np.float32)
            variation = stored["variation"].astype(np.float32)
            fingerprint = str(stored["fingerprint"])
            kind = stored["kind"].astype(np.int64) if "kind" in stored else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path}: not an impostors file, or damaged: {error}") from error
    if (
        embeddings.ndim != 2
        or embeddings.shape[1] != EMBEDDING_SIZE
        or variation.shape != (EMBEDDING_SIZE, EMBEDDING_SIZE)
        or not np.isfinite(embeddings).all()
        or not np.isfinite(variation).all()
        or (kind is not None and kind.shape != embeddings.shape[:1])
    ):
        raise WeightsError(f"{path}: its arrays must be (n, 128), (128, 128) and (n,), and finite")
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return Impostors(embeddings, variation, fingerprint, kind)
