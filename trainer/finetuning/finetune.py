"""Fine-tuning: 5a, 5b and the dense layer learn an installation's own people by triplets.

conv1 to 4e stay as they are. Batch norm keeps its statistics, which come from many more faces
than a gallery has, and learns its gain and shift only. Crops are distorted in training, never in
a test. After each epoch the network is tried on people who are in no triplet, and it stops when
that gets no better; whether it is kept is decided by other people again.
"""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from streamer.errors import DatasetError
from streamer.files import private_folder, write_file
from trainer.datasets.dataset import Dataset
from trainer.distillation.augment import augment_crop
from trainer.distillation.student import arrays_of, build_head, load_arrays
from trainer.finetuning.triplets import Rule, choose_triplets, split_people
from workers.embedding.tensorflow_graph import build_trunk
from workers.network.nn4 import head_convs
from workers.network.weights_file import Weights

_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class TripletRecipe:
    """The original program's numbers; with rule semi_hard, a margin of 0.2 is FaceNet's."""

    rule: Rule = "original"
    within: float = 0.09
    margin: float = 0.1
    rate: float = 1e-4
    decay: float = 0.95
    epochs: int = 30
    patience: int = 5
    people: int = 12
    crops: int = 4
    seed: int = 1


@dataclass
class TuningEpoch:
    """One epoch.

    The mean loss of a triplet, triplets, batches without one, and the area under the ROC curve on
    the people of the early stop.
    """

    epoch: int
    loss: float
    triplets: int
    empty_batches: int
    auc: float


@dataclass
class Result:
    """What came of it: areas under the ROC on the last test's people, before and after."""

    before: float
    after: float
    best_epoch: int
    history: list[TuningEpoch] = field(default_factory=list)

    @property
    def better(self) -> bool:
        """The tuned network is to be kept."""
        return self.after > self.before


class FineTuner:
    """One run in a work folder; `train()` goes on where it was stopped or killed."""

    def __init__(self, dataset: Dataset, start: Weights, recipe: TripletRecipe, work: Path) -> None:
        self._dataset, self._start, self._recipe, self._work = dataset, start, recipe, work
        self._train, self._stop, self._test = split_people(
            dataset.labels, dataset.group, recipe.seed
        )
        keras.utils.set_random_seed(recipe.seed)
        self._trunk = build_trunk(start)
        self._head = build_head(start.lrn)
        load_arrays(self._head, head_convs(), start.arrays)
        self._optimiser = keras.optimizers.Adam(recipe.rate)
        self._optimiser.build(self._head.trainable_variables)
        self._plain = self._features(dataset.crops_rgb.astype(np.float32))
        self._history: list[TuningEpoch] = []
        self._best = [np.asarray(v) for v in self._head.weights]
        self._before = self._auc(self._test)
        self._first = self._auc(self._stop)
        private_folder(work)
        self._restore()

    def train(
        self, on_epoch: Callable[[TuningEpoch], None], stopped: Callable[[], bool] = lambda: False
    ) -> Result | None:
        """Train until the early stop or the last epoch; None where `stopped()` came first."""
        step = self._step_function()
        while len(self._history) < self._recipe.epochs and not self._gets_no_better():
            if stopped():
                return None
            progress = self._epoch(len(self._history) + 1, step)
            if progress.auc > max([self._first, *(p.auc for p in self._history)]):
                self._best = [np.asarray(v) for v in self._head.weights]
            self._history.append(progress)
            self._save()
            on_epoch(progress)
        for variable, value in zip(self._head.weights, self._best, strict=True):
            variable.assign(value)
        aucs = [self._first, *(progress.auc for progress in self._history)]
        return Result(self._before, self._auc(self._test), int(np.argmax(aucs)), self._history)

    def weights(self) -> Weights:
        """Return the network with the tuned layers, as a weights file's arrays."""
        arrays = {**self._start.arrays, **arrays_of(self._head, head_convs())}
        recipe = json.dumps(
            {
                "finetuned": asdict(self._recipe),
                "people": len(self._dataset.names),
                "crops": len(self._dataset.labels),
                "from": self._start.fingerprint,
            }
        )
        return Weights(arrays, self._start.lrn, recipe, self._start.crop)

    def embeddings(self) -> NDArray[np.float32]:
        """(n, 128) of the dataset's crops by the network as it is now."""
        return self._embed(np.arange(len(self._dataset.labels)))

    def _epoch(self, number: int, step: Callable[..., tf.Tensor]) -> TuningEpoch:
        recipe, labels = self._recipe, self._dataset.labels
        self._optimiser.learning_rate.assign(recipe.rate * recipe.decay ** (number - 1))
        rng = np.random.default_rng([recipe.seed, number])
        order = rng.permutation(self._train)
        loss, triplets, empty = 0.0, 0, 0
        for start in range(0, len(order), recipe.people):
            people = order[start : start + recipe.people]
            rows = np.concatenate(
                [
                    rng.permutation(np.flatnonzero(labels == person))[: recipe.crops]
                    for person in people
                ]
            )
            crops = np.stack([augment_crop(self._dataset.crops_rgb[row], rng) for row in rows])
            features = self._features(crops * np.float32(255))
            embeddings = np.asarray(self._head(features, training=False))
            chosen = choose_triplets(
                embeddings,
                labels[rows],
                rule=recipe.rule,
                within=recipe.within,
                margin=recipe.margin,
                rng=rng,
            )
            if not len(chosen):
                empty += 1
                continue
            loss += float(step(tf.constant(features), tf.constant(chosen)))
            triplets += len(chosen)
        return TuningEpoch(number, loss / max(1, triplets), triplets, empty, self._auc(self._stop))

    def _step_function(self) -> Callable[..., tf.Tensor]:
        head, optimiser, margin = self._head, self._optimiser, self._recipe.margin

        @tf.function(
            input_signature=[
                tf.TensorSpec((None, 3, 3, 1024), tf.float32),
                tf.TensorSpec((None, 3), tf.int64),
            ],
            autograph=False,
        )
        def step(features: tf.Tensor, triplets: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                vectors = head(features, training=False)  # batch norm keeps its statistics
                anchor, positive, negative = (
                    tf.gather(vectors, triplets[:, place]) for place in range(3)
                )
                near = tf.reduce_sum(tf.square(anchor - positive), axis=1)
                far = tf.reduce_sum(tf.square(anchor - negative), axis=1)
                loss = tf.reduce_sum(tf.nn.relu(near - far + margin))
            gradients = tape.gradient(loss, head.trainable_variables)
            optimiser.apply_gradients(zip(gradients, head.trainable_variables, strict=True))
            return loss

        return step

    def _gets_no_better(self) -> bool:
        aucs = [self._first, *(progress.auc for progress in self._history)]
        return len(aucs) - 1 - int(np.argmax(aucs)) >= self._recipe.patience

    def _auc(self, people: NDArray[np.int32]) -> float:
        """Over all pairs of these people's crops that are of different moments."""
        rows = np.flatnonzero(np.isin(self._dataset.labels, people))
        vectors = self._embed(rows)
        first, second = np.triu_indices(len(rows), 1)
        labels, group = self._dataset.labels[rows], self._dataset.group[rows]
        kept = group[first] != group[second]
        similarity = (vectors[first[kept]] * vectors[second[kept]]).sum(axis=1)
        return float(roc_auc_score(labels[first[kept]] == labels[second[kept]], similarity))

    def _embed(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.asarray(self._head(self._plain[rows], training=False), np.float32)

    def _features(self, crops: NDArray[np.float32]) -> NDArray[np.float32]:
        starts = range(0, len(crops), _BATCH)
        parts = [np.asarray(self._trunk(tf.constant(crops[s : s + _BATCH]))) for s in starts]
        return np.concatenate(parts)

    def _identity(self) -> dict[str, Any]:
        return {
            **asdict(self._recipe),
            "from": self._start.fingerprint,
            "crops": len(self._dataset.labels),
            "people": list(self._dataset.names),
        }

    def _save(self) -> None:
        variables = [*self._head.weights, *self._optimiser.variables]
        arrays = {f"v{i:03d}": np.asarray(v) for i, v in enumerate(variables)}
        arrays |= {f"best{i:03d}": value for i, value in enumerate(self._best)}
        state = {"run": self._identity(), "history": [asdict(p) for p in self._history]}
        buffer = io.BytesIO()
        np.savez(buffer, state=np.array(json.dumps(state)), **arrays)  # type: ignore[arg-type]
        write_file(self._work / "checkpoint.npz", buffer.getvalue())

    def _restore(self) -> None:
        path = self._work / "checkpoint.npz"
        if not path.is_file():
            return
        try:
            with np.load(path, allow_pickle=False) as stored:
                state = json.loads(str(stored["state"]))
                if state["run"] != self._identity():
                    raise DatasetError(
                        f"{self._work}: holds a run with other crops or settings; give the same "
                        f"ones to go on, or another --work to begin anew"
                    )
                variables = [*self._head.weights, *self._optimiser.variables]
                for index, variable in enumerate(variables):
                    variable.assign(stored[f"v{index:03d}"])
                self._best = [stored[f"best{i:03d}"] for i in range(len(self._head.weights))]
                self._history = [TuningEpoch(**row) for row in state["history"]]
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise DatasetError(f"{path}: the checkpoint is damaged: {error}") from error
