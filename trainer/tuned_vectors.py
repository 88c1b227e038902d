"""Embeddings of all crops by a network that was fine-tuned on some of them, kept in a folder."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.files import write_file
from trainer.dataset import Dataset
from trainer.enrol import embed_all
from workers.embed import Embedder, quiet_stderr
from workers.weights_file import load_weights


class TunedVectors:
    """Fine-tunes when asked for what is not yet there."""

    def __init__(self, everything: Dataset, weights: Path | None, work: Path) -> None:
        self._everything, self._weights, self._work = everything, weights, work

    def vectors(
        self, parameters: Mapping[str, Any], training: Dataset, name: str
    ) -> NDArray[np.float32]:
        """(n, 128) of all crops; `name` stands for these parameters and this training part."""
        path = self._work / f"vectors-{name}.npz"
        try:
            with np.load(path, allow_pickle=False) as stored:
                return np.asarray(stored["vectors"], np.float32)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            pass  # not yet there, or cut off
        with quiet_stderr():
            from trainer.finetune import FineTuner, TripletRecipe
            from workers.graph import build_embedder
        recipe = TripletRecipe(**parameters)
        start = load_weights(self._weights)
        tuner = FineTuner(training, start, recipe, self._work / f"finetune-{name}")
        tuner.train(lambda progress: None)
        tuned = tuner.weights()
        embedder = Embedder(build_embedder(tuned), tuned.fingerprint)
        vectors = embed_all(self._everything.crops_rgb, embedder)
        buffer = io.BytesIO()
        np.savez(buffer, vectors=vectors)
        write_file(path, buffer.getvalue())
        return vectors
