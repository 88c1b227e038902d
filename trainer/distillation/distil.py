"""Distillation: NN4.small2 learns to reproduce its teachers' descriptors.

Loss: 1 - cosine(student, target), plus how far the student's similarities to many of the
faces, as a softmax, are from the target's (Fang et al. 2021, "SEED", with the targets themselves
as its queue). Muon with warm-up, then a constant rate, then a straight line to zero (Hu et al.
2024, "MiniCPM"): until that last part begins, the length of a run can be changed. The weights
that a run gives are a running mean of those of its steps (Polyak and Juditsky 1992).
Every random number comes from the seed and the step, so a run that was killed goes on exactly
as it would have.
"""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.distillation.muon import Muon
from trainer.distillation.student import arrays_of, build_student, load_arrays
from trainer.distillation.training_faces import TrainingFaces
from trainer.support.checkpoint import Checkpoint, check_settings
from workers.network.nn4 import all_convs, convs_up_to
from workers.network.weights_file import TORCH_LRN, LocalResponseNorm, Weights, crop_of

CHECKPOINT_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All numbers of a run; they are written into the weights file.

    view_share: of the crops, whose target is what the teachers say of the crop, not the photo.
    frozen: the last block that stays as the start has it, with all before it ("3b"); "" for none.
    optimiser: by whose rule steps are made; there is one, which the weights file tells.
    """

    epochs: float = 30.0
    peak_rate: float = 1.5e-3
    warm_up_steps: int = 300
    fall_share: float = 0.35
    weight_decay: float = 0.05
    clip_norm: float = 1.0
    batch: int = 128
    neighbour_loss: float = 0.1
    temperature: float = 0.02
    neighbours: int = 16_384
    mean_share: float = 0.998
    view_share: float = 0.0
    optimiser: str = "muon"
    frozen: str = ""
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
        faces: TrainingFaces,
        work: Path,
        recipe: Recipe,
        start: Weights | None = None,
        bfloat16: bool = True,
    ) -> None:
        self._faces = faces
        self._recipe = recipe
        self._work = work
        work.mkdir(parents=True, exist_ok=True)
        settings = self._settings()
        del settings["epochs"]  # its length may be changed on the way
        check_settings(work, settings)
        self._lrn: LocalResponseNorm = start.lrn if start else TORCH_LRN
        keras.utils.set_random_seed(recipe.seed)
        keras.mixed_precision.set_global_policy("mixed_bfloat16" if bfloat16 else "float32")
        self._model = build_student(self._lrn)
        keras.mixed_precision.set_global_policy("float32")
        if start:
            load_arrays(self._model, all_convs(), start.arrays)
        for layer in convs_up_to(recipe.frozen):
            self._model.get_layer(layer.name).trainable = False
            self._model.get_layer(layer.norm).trainable = False
        self._optimiser = Muon(
            recipe.peak_rate, weight_decay=recipe.weight_decay, global_clipnorm=recipe.clip_norm
        )
        self._optimiser.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self._optimiser.build(self._model.trainable_variables)
        self._mean = [tf.Variable(value, trainable=False) for value in self._model.weights]
        self.steps_an_epoch = len(faces.targets) // recipe.batch
        self.steps = max(1, round(recipe.epochs * self.steps_an_epoch))
        state = [*self._model.weights, *self._optimiser.variables, *self._mean]
        self._checkpoint = Checkpoint(work, state)
        self.step = self._checkpoint.restore()

    def weights(self) -> Weights:
        """Return the running mean of the network as it was after each step."""
        last = [np.asarray(variable) for variable in self._model.weights]
        self._model.set_weights([np.asarray(value) for value in self._mean])
        arrays = arrays_of(self._model, all_convs())
        self._model.set_weights(last)
        recipe = json.dumps({"distilled": self._settings()})
        return Weights(arrays, self._lrn, recipe, crop_of(self._faces.alignment))

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
        for crops, targets in self._batches():
            rate, kept = tf.constant(self._rate()), tf.constant(self._mean_share())
            losses.append(step_function(tf.constant(crops), tf.constant(targets), rate, kept))
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
                self._checkpoint.save(self.step)
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

    def _mean_share(self) -> float:
        # The first steps' weights are soon forgotten.
        return min(self._recipe.mean_share, (self.step + 1) / (self.step + 10))

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
        order = np.random.default_rng([recipe.seed, epoch]).permutation(len(self._faces.targets))
        chosen = order[place * recipe.batch : (place + 1) * recipe.batch]
        rng = np.random.default_rng([recipe.seed, step, 1])
        crops = np.stack([self._faces.crop(int(index), rng) for index in chosen])
        targets = self._faces.targets[chosen]
        seen = np.random.default_rng([recipe.seed, step, 2]).random(len(chosen)) < recipe.view_share
        if self._faces.describe is not None and seen.any():
            targets[seen] = self._faces.describe(crops[seen])
        return crops, targets

    def _step_function(self) -> Callable[..., tf.Tensor]:
        model, optimiser, recipe = self._model, self._optimiser, self._recipe
        targets = self._faces.targets
        some = np.random.default_rng(recipe.seed).permutation(len(targets))[: recipe.neighbours]
        neighbours = tf.constant(targets[some].T / recipe.temperature, tf.float32)

        @tf.function(autograph=False)
        def step(
            crops: tf.Tensor, target: tf.Tensor, rate: tf.Tensor, kept: tf.Tensor
        ) -> tf.Tensor:
            optimiser.learning_rate.assign(rate)
            with tf.GradientTape() as tape:
                student = model(crops, training=True)
                apart = tf.reduce_mean(1.0 - tf.reduce_sum(student * target, axis=1))
                wanted = tf.nn.softmax(target @ neighbours)
                found = tf.nn.log_softmax(student @ neighbours)
                surprise = tf.reduce_sum(wanted * (tf.math.log(wanted + 1e-12) - found), axis=1)
                loss = apart + recipe.neighbour_loss * tf.reduce_mean(surprise)
            gradients = tape.gradient(loss, model.trainable_variables)
            optimiser.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            for mean, value in zip(self._mean, model.weights, strict=True):
                mean.assign(mean * kept + tf.convert_to_tensor(value) * (1.0 - kept))
            return loss

        return step

    def _log(self, progress: DistilProgress) -> None:
        with (self._work / "log.jsonl").open("a") as log:
            log.write(json.dumps({**asdict(progress), "rate": self._rate()}) + "\n")

    def _settings(self) -> dict[str, Any]:
        faces = self._faces
        return {
            **asdict(self._recipe),
            "faces": len(faces.targets),
            "crops": faces.alignment,
            **faces.facts,
        }
