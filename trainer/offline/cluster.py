"""Groups of unlabelled faces that seem to be one person each."""

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering

from streamer.errors import DatasetError

MAX_FACES = 20_000


def cluster(embeddings: NDArray[np.float32], max_squared_distance: float) -> NDArray[np.int64]:
    """(n,) a group for each row of (n, 128), largest group first; -1 where a face is alone.

    Two groups are joined while the mean squared distance between their faces is below the limit
    (average linkage). Raises DatasetError for more than MAX_FACES.
    """
    count = len(embeddings)
    if count > MAX_FACES:
        raise DatasetError(f"at most {MAX_FACES} faces can be grouped at once. Received: {count}")
    if count < 2:
        return np.full(count, -1)
    squared = np.clip(2.0 - 2.0 * embeddings @ embeddings.T, 0.0, 4.0)
    model = AgglomerativeClustering(
        n_clusters=None,
        metric="precomputed",
        linkage="average",
        distance_threshold=max_squared_distance,
    )
    labels = model.fit_predict(squared)
    found, sizes = np.unique(labels, return_counts=True)
    order = np.argsort(-sizes, kind="stable")
    number = {label: index for index, label in enumerate(found[order][sizes[order] > 1])}
    return np.array([number.get(label, -1) for label in labels], np.int64)
