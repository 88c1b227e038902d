"""A file of embeddings: an .npz of `paths` (n,), `faces_xywh` (n, 4), `embeddings` (n, d).

Paths are relative to the folder that was embedded. Plain arrays; nothing in it is run.
"""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.errors import DatasetError
from streamer.files import write_file
from streamer.vision.boxes import Box


def write_embeddings(
    path: Path,
    names: Sequence[str],
    boxes: Sequence[Box],
    embeddings: NDArray[np.float32],
    fingerprint: str,
) -> None:
    """Write the file in one step; row i of each is face i."""
    buffer = io.BytesIO()
    np.savez(
        buffer,
        paths=np.array(list(names), np.str_),
        faces_xywh=np.array(boxes, np.float32).reshape(-1, 4),
        embeddings=embeddings,
        fingerprint=np.array(fingerprint),
    )
    write_file(path, buffer.getvalue())


def read_embeddings(path: Path) -> dict[str, NDArray[np.float64]]:
    """Read the embedding of each picture's largest face, by the picture's path.

    Raises DatasetError for a file that is none, or not whole.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            names = [str(name) for name in stored["paths"]]
            boxes = stored["faces_xywh"].astype(np.float64)
            embeddings = stored["embeddings"].astype(np.float64)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path}: not a file of embeddings, or damaged: {error}") from error
    if not len(names) == len(boxes) == len(embeddings) or embeddings.ndim != 2:
        raise DatasetError(f"{path}: its arrays do not fit together")
    smallest_first = np.argsort(boxes[:, 2] * boxes[:, 3])
    return {names[index]: embeddings[index] for index in smallest_first}
