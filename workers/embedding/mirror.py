"""A face and its mirror image are one person's: the mean of both embeddings varies less."""

import numpy as np
from numpy.typing import NDArray

from workers.embedding.interface import EmbedFunction


def mirrored(embed: EmbedFunction) -> EmbedFunction:
    """Give each crop the mean of its own and its mirror image's embedding, of unit length."""

    def embed_both(crops_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        both = embed(np.concatenate([crops_rgb, crops_rgb[:, :, ::-1]]))
        total = both[: len(crops_rgb)] + both[len(crops_rgb) :]
        return np.asarray(total / np.linalg.norm(total, axis=1, keepdims=True), np.float32)

    return embed_both
