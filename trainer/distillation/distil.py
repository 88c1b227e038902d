"""Distillation: NN4.small2 learns to reproduce the teacher's descriptors.

Loss: 1 - cosine(student, teacher), plus how far the student's similarities to all faces of
the cache, as a softmax, are from the teacher's (Fang et al. 2021, "SEED", with the teacher's own
descriptors as its queue). AdamW with warm-up, then a constant rate, then a straight line to zero
(Hu et al. 2024, "MiniCPM"): until that last part begins, the length of a run can be changed.
Every random number comes from the seed and the step, so a run that was killed goes on exactly
as it would have.
"""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from streamer.errors import DatasetError
from streamer.files import write_file
from trainer.distillation.augment import distorted_crop, shifted_crop
from trainer.distillation.face_cache import FaceCache
from trainer.distillation.student import arrays_of, build_student, load_arrays
from workers.network.nn4 import all_convs
from workers.network.weights_file import TORCH_LRN, LocalResponseNorm, Weights

CHECKPOINT_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All numbers of a run; they are written into the weights file."""

    epochs: float = 30.0
    peak_rate: float = 2e-3
    warm_up_steps: int = 300
    fall_share: float = 0.35
    weight_decay: float = 0.05
    clip_norm: float = 1.0
    batch: int = 128
    neighbour_loss: float = 0.1
    temperature: float = 0.02
    clean_share: float = 0.3
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class DistilProgress:
    """Where a run is; `loss` is the mean since the last report."""

    step: int
    steps: int
    epoch: float
    loss: float
    crops_per_s: float
    seconds_left: float


class Distiller:
    """One run in one work folder: `train()` until done or stopped, `weights()` at any time."""

    def __init__(
        self,
        cache: FaceCache,
        work: Path,
        recipe: Recipe,
        start: Weights | None = None,
        bfloat16: bool = True,
    ) -> None:
        self._cache = cache
        self._recipe = recipe
        self._work = work
        self._lrn: LocalResponseNorm = start.lrn if start else TORCH_LRN
        keras.utils.set_random_seed(recipe.seed)
        keras.mixed_precision.set_global_policy("mixed_bfloat16" if bfloat16 else "float32")
        self._model = build_student(self._lrn)
        keras.mixed_precision.set_global_policy("float32")
        if start:
            load_arrays(self._model, all_convs(), start.arrays)
        self._optimiser = keras.optimizers.AdamW(
            recipe.peak_rate, weight_decay=recipe.weight_decay, global_clipnorm=recipe.clip_norm
        )
        self._optimiser.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self._optimiser.build(self._model.trainable_variables)
        self.steps_an_epoch = len(cache.descriptors) // recipe.batch
        self.steps = max(1, round(recipe.epochs * self.steps_an_epoch))
        self.step = 0
        work.mkdir(parents=True, exist_ok=True)
        self._check_work()
        self._restore()

    def weights(self) -> Weights:
        """Return the network as it is now."""
        recipe = json.dumps({"distilled": asdict(self._recipe), "faces": len(self._cache.paths)})
        return Weights(arrays_of(self._model, all_convs()), self._lrn, recipe)

    def train(
        self,
        on_progress: Callable[[DistilProgress], None],
        on_epoch: Callable[[int, "Distiller"], None],
        should_stop: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Train to the end (True) or until `should_stop()` (False); checkpoints on the way."""
        step_function = self._step_function()
        began = reported = saved = time.monotonic()
        first_step, losses = self.step, []
        for crops, descriptors in self._batches():
            losses.append(
                step_function(
                    tf.constant(crops), tf.constant(descriptors), tf.constant(self._rate())
                )
            )
            self.step += 1
            now = time.monotonic()
            if now - reported > 5 or self.step == self.steps:
                a_step = (now - began) / (self.step - first_step)
                progress = DistilProgress(
                    step=self.step,
                    steps=self.steps,
                    epoch=self.step / self.steps_an_epoch,
                    loss=float(np.mean(losses)),
                    crops_per_s=self._recipe.batch / a_step,
                    seconds_left=a_step * (self.steps - self.step),
                )
                self._log(progress)
                on_progress(progress)
                reported, losses = now, []
            stop = should_stop()
            if now - saved > CHECKPOINT_SECONDS or stop or self.step == self.steps:
                self._save()
                saved = now
            if self.step % self.steps_an_epoch == 0:
                on_epoch(self.step // self.steps_an_epoch, self)
            if stop:
                return self.step == self.steps
        return True

    def _rate(self) -> float:
        recipe = self._recipe
        warm_up = min(1.0, (self.step + 1) / recipe.warm_up_steps)
        fall = min(1.0, max(0.0, 1 - self.step / self.steps) / recipe.fall_share)
        return recipe.peak_rate * warm_up * fall

    def _batches(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        # One batch is prepared while the last one trains.
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(self._batch, self.step)
            for step in range(self.step, self.steps):
                batch = pending.result()
                pending = pool.submit(self._batch, step + 1)
                yield batch

    def _batch(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        recipe = self._recipe
        epoch, place = divmod(step, self.steps_an_epoch)
        order = np.random.default_rng([recipe.seed, epoch]).permutation(len(self._cache.paths))
        chosen = order[place * recipe.batch : (place + 1) * recipe.batch]
        rng = np.random.default_rng([recipe.seed, step, 1])
        crops = np.stack([self._crop(self._cache.contexts[index], rng) for index in chosen])
        return crops, self._cache.descriptors[chosen]

    def _crop(
        self, context_rgb: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        clean = rng.random() < self._recipe.clean_share
        return shifted_crop(context_rgb, rng) if clean else distorted_crop(context_rgb, rng)

    def _step_function(self) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
        model, optimiser, recipe = self._model, self._optimiser, self._recipe
        everybody = tf.constant(self._cache.descriptors.T / recipe.temperature, tf.float32)

        @tf.function(autograph=False)
        def step(crops: tf.Tensor, teacher: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
            optimiser.learning_rate.assign(rate)
            with tf.GradientTape() as tape:
                student = model(crops, training=True)
                apart = tf.reduce_mean(1.0 - tf.reduce_sum(student * teacher, axis=1))
                wanted = tf.nn.softmax(teacher @ everybody)
                found = tf.nn.log_softmax(student @ everybody)
                surprise = tf.reduce_sum(wanted * (tf.math.log(wanted + 1e-12) - found), axis=1)
                loss = apart + recipe.neighbour_loss * tf.reduce_mean(surprise)
            gradients = tape.gradient(loss, model.trainable_variables)
            optimiser.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            return loss

        return step

    def _log(self, progress: DistilProgress) -> None:
        with (self._work / "log.jsonl").open("a") as log:
            log.write(json.dumps({**asdict(progress), "rate": self._rate()}) + "\n")

    def _check_work(self) -> None:
        run = {**asdict(self._recipe), "faces": len(self._cache.paths)}
        del run["epochs"]  # its length may be changed on the way
        path = self._work / "run.json"
        if not path.is_file():
            write_file(path, json.dumps(run).encode())
        elif path.read_text() != json.dumps(run):
            raise DatasetError(
                f"{self._work}: holds a run with other photos or settings ({path.name}); give "
                f"the same ones to go on, or another --work to begin anew"
            )

    def _state(self) -> list[Any]:
        return [*self._model.weights, *self._optimiser.variables]

    def _save(self) -> None:
        buffer = io.BytesIO()
        arrays = {f"v{i:04d}": np.asarray(v) for i, v in enumerate(self._state())}
        np.savez(buffer, step=np.array(self.step), **arrays)  # type: ignore[arg-type]
        write_file(self._work / "checkpoint.npz", buffer.getvalue())

    def _restore(self) -> None:
        path = self._work / "checkpoint.npz"
        if not path.is_file():
            return
        try:
            with np.load(path, allow_pickle=False) as stored:
                for index, variable in enumerate(self._state()):
                    variable.assign(stored[f"v{index:04d}"])
                self.step = int(stored["step"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DatasetError(f"{path}: the checkpoint is damaged: {error}") from error
