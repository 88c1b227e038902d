"""Choosing triplets: every anchor and positive of a batch, each with one negative.

A distance is the squared distance of unit vectors. For each pair of one person's crops the
negative is, by the rule,
  original   a random one with d(an) - d(ap) < `within`, the original program's rule
  semi_hard  the nearest that is farther than the positive, by less than the margin
             (Schroff, Kalenichenko, Philbin 2015, "FaceNet")
  hard       the nearest of all
A pair for which there is none gives no triplet.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamer.errors import DatasetError

Rule = Literal["original", "semi_hard", "hard"]
RULES: tuple[Rule, ...] = ("original", "semi_hard", "hard")


def choose_triplets(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int32],
    *,
    rule: Rule,
    within: float,
    margin: float,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """(t, 3) rows of anchor, positive and negative; (0, 3) where the batch has none."""
    apart = np.clip(2.0 - 2.0 * embeddings @ embeddings.T, 0.0, 4.0)
    same = labels[:, None] == labels
    chosen = []
    for anchor, positive in zip(*np.nonzero(np.triu(same, 1)), strict=True):
        others = np.flatnonzero(~same[anchor])
        further = apart[anchor, others] - apart[anchor, positive]
        if rule == "original":
            fit = others[further < within]
            negative = int(rng.choice(fit)) if len(fit) else None
        elif rule == "semi_hard":
            fit = others[(further > 0) & (further < margin)]
            negative = int(fit[apart[anchor, fit].argmin()]) if len(fit) else None
        else:
            negative = int(others[further.argmin()]) if len(others) else None
        if negative is not None:
            chosen.append((int(anchor), int(positive), negative))
    return np.array(chosen, np.int64).reshape(-1, 3)


def split_people(
    labels: NDArray[np.int32], group: NDArray[np.int32], seed: int = 0
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """People for training, for the early stop and for the last test; none is in two of them.

    Only people with two moments can be tested on; a fifth of them, two at least, for each of the
    two. Raises DatasetError where that leaves fewer than two to train on.
    """
    people = np.unique(labels)
    testable = np.array(
        [person for person in people if len(np.unique(group[labels == person])) > 1], np.int32
    )
    share = max(2, len(testable) // 5)
    if len(testable) < 2 * share or len(people) - 2 * share < 2:
        raise DatasetError(
            f"fine-tuning needs six people with two photos or clips each, at least: it trains on "
            f"some, stops by others, and is judged on others again. Received: {len(people)} "
            f"people, {len(testable)} of them with two moments"
        )
    order = np.random.default_rng(seed).permutation(testable)
    stop, test = order[:share], order[share : 2 * share]
    train = np.setdiff1d(people, order[: 2 * share])
    return train.astype(np.int32), np.sort(stop), np.sort(test)
