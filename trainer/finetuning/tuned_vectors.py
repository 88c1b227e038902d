"""Embeddings of all crops by a network that was fine-tuned on some of them, kept in a folder."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.config.sections import Config
from streamer.files import write_file
from streamer.runtime.stderr import quiet_stderr
from trainer.datasets.dataset import Dataset
from trainer.enrolment.enrol import embed_all
from trainer.finetuning.impostor_model import carried_over
from workers.classifier.impostors import Impostors
from workers.embedding.embedder import Embedder
from workers.embedding.mirror import mirrored
from workers.network.weights_file import embedding_fingerprint, load_weights


class TunedVectors:
    """Fine-tunes when asked for what is not yet there.

    `plain` (n, 128) are the crops' embeddings and `impostors` the impostors of the network that
    it begins with.
    """

    def __init__(
        self,
        everything: Dataset,
        plain: NDArray[np.float32],
        impostors: Impostors,
        config: Config,
        work: Path,
    ) -> None:
        self._everything, self._plain, self._impostors = everything, plain, impostors
        self._weights, self._work = config.weights_path, work
        self._mirror = config.embed.mirror

    def vectors(
        self, parameters: Mapping[str, Any], training: Dataset, name: str
    ) -> tuple[NDArray[np.float32], Impostors]:
        """(n, 128) of all crops, and impostors; `name` stands for the parameters and the part."""
        if not parameters:
            return self._plain, self._impostors
        path = self._work / f"vectors-{name}.npz"
        try:
            with np.load(path, allow_pickle=False) as stored:
                vectors = np.asarray(stored["vectors"], np.float32)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            vectors = self._tuned(parameters, training, name)  # not yet there, or cut off
            buffer = io.BytesIO()
            np.savez(buffer, vectors=vectors)
            write_file(path, buffer.getvalue())
        known = self._impostors
        moved = carried_over(known.embeddings, self._plain, vectors)
        return vectors, replace(known, embeddings=moved)

    def _tuned(
        self, parameters: Mapping[str, Any], training: Dataset, name: str
    ) -> NDArray[np.float32]:
        with quiet_stderr():
            from trainer.finetuning.finetune import FineTuner, TripletRecipe
            from workers.embedding.tensorflow_graph import build_embedder

            start = load_weights(self._weights)
            recipe = TripletRecipe(**parameters)
            tuner = FineTuner(training, start, recipe, self._work / f"finetune-{name}")
        tuner.train(lambda progress: None)
        tuned = tuner.weights()
        embed = build_embedder(tuned)
        embedder = Embedder(
            mirrored(embed) if self._mirror else embed,
            embedding_fingerprint(tuned.fingerprint, self._mirror),
            tuned.alignment,
        )
        return embed_all(self._everything.crops_rgb, embedder)
