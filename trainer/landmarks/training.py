"""Training of the landmarks network: five points and whether there is a face, from views.

Every random number comes from the seed and the step, so a run that was killed goes on as it
would have.
"""

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

from streamer.vision.landmarks import network_input
from trainer.landmarks.faces import LandmarkFaces
from trainer.landmarks.network import POINTS, build_network, onnx_bytes
from trainer.landmarks.views import face_view, faceless_view
from trainer.support.checkpoint import Checkpoint, check_settings

CHECKPOINT_SECONDS = 120.0
_REPORT_STEPS = 20


@dataclass(frozen=True, kw_only=True)
class LandmarksRecipe:
    """All numbers of a run."""

    steps: int = 6000
    batch: int = 256
    peak_rate: float = 4e-3
    warm_up_steps: int = 200
    weight_decay: float = 1e-3
    faceless_share: float = 0.25
    confidence_loss: float = 0.1
    seed: int = 1


class LandmarksTraining:
    """One run in one work folder: `train()` until done or stopped, then `onnx()`."""

    def __init__(self, faces: LandmarkFaces, work: Path, recipe: LandmarksRecipe) -> None:
        self._faces = faces
        self._recipe = recipe
        work.mkdir(parents=True, exist_ok=True)
        check_settings(work, {**asdict(recipe), "faces": len(faces.contexts)})
        keras.utils.set_random_seed(recipe.seed)
        self._model = build_network()
        warm_up = min(recipe.warm_up_steps, recipe.steps // 2)
        rates = keras.optimizers.schedules.CosineDecay(
            0.0,
            recipe.steps - warm_up,
            warmup_target=recipe.peak_rate,
            warmup_steps=warm_up,
        )
        self._optimiser = keras.optimizers.AdamW(
            rates, weight_decay=recipe.weight_decay, global_clipnorm=1.0
        )
        self._optimiser.build(self._model.trainable_variables)
        self._checkpoint = Checkpoint(work, [*self._model.weights, *self._optimiser.variables])
        self.step = self._checkpoint.restore()

    def onnx(self) -> bytes:
        """Return the network as it is now, as an ONNX file."""
        return onnx_bytes(self._model)

    def outputs(self, views: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the network gives now for (n, 56, 56, 1) views: (n, 11)."""
        return np.asarray(self._model(views, training=False))

    def train(
        self,
        on_progress: Callable[[int, float], None],
        should_stop: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Train to the end (True) or until `should_stop()` (False); checkpoints on the way.

        `on_progress` takes the step and the mean loss since the last report.
        """
        step_function = self._step_function()
        saved, losses = time.monotonic(), []
        for batch in self._batches():
            losses.append(step_function(*map(tf.constant, batch)))
            self.step += 1
            last, stop = self.step == self._recipe.steps, should_stop()
            if self.step % _REPORT_STEPS == 0 or last or stop:
                on_progress(self.step, float(np.mean(losses)))
                losses = []
            if time.monotonic() - saved > CHECKPOINT_SECONDS or last or stop:
                self._checkpoint.save(self.step)
                saved = time.monotonic()
            if stop:
                return last
        return True

    def _step_function(self) -> Callable[..., tf.Tensor]:
        model, optimiser, recipe = self._model, self._optimiser, self._recipe

        @tf.function(autograph=False)
        def step(views: tf.Tensor, points: tf.Tensor, faces: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                outputs = model(views, training=True)
                apart = tf.reshape(outputs[:, :-1] - points, (-1, POINTS, 2))
                # The distance, rounded near zero: a tenth of a pixel is as good as none.
                distance = tf.sqrt(tf.reduce_sum(tf.square(apart), axis=2) + 1e-5)
                located = tf.reduce_sum(tf.reduce_mean(distance, axis=1) * faces) / tf.reduce_sum(
                    faces
                )
                logits = outputs[:, -1]
                known = tf.reduce_mean(
                    tf.nn.sigmoid_cross_entropy_with_logits(faces * 0.98 + 0.01, logits)
                )
                loss = located + recipe.confidence_loss * known
            gradients = tape.gradient(loss, model.trainable_variables)
            optimiser.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            return loss

        return step

    def _batches(self) -> Iterator[tuple[NDArray[Any], ...]]:
        # One batch is prepared while the last one trains.
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(self._batch, self.step)
            for step in range(self.step, self._recipe.steps):
                batch = pending.result()
                pending = pool.submit(self._batch, step + 1)
                yield batch

    def _batch(
        self, step: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Return views (batch, 56, 56, 1), points (batch, 10) and which have a face (batch,)."""
        faces, recipe = self._faces, self._recipe
        rng = np.random.default_rng([recipe.seed, step])
        without = round(recipe.batch * recipe.faceless_share)
        made = [
            face_view(faces.contexts[i], faces.points[i], rng)
            for i in rng.integers(0, len(faces.contexts), recipe.batch - without)
        ]
        views = [view for view, _ in made]
        views += [faceless_view(faces.faceless, faces.contexts, rng) for _ in range(without)]
        points = np.zeros((recipe.batch, 2 * POINTS), np.float32)
        points[: len(made)] = [places.reshape(-1) for _, places in made]
        has_face = (np.arange(recipe.batch) < len(made)).astype(np.float32)
        return network_input(np.stack(views)).transpose(0, 2, 3, 1), points, has_face
