"""`facestream train landmarks`: the network that finds five landmarks."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from streamer.errors import ConfigError, DatasetError
from streamer.files import SHARED_MODE, write_file
from trainer.commands.options import (
    Folders,
    HeldOutFolds,
    PairsFile,
    WorkFolder,
    photos_below,
    until_stopped,
)
from trainer.support.progress import progress_text, progress_to
from trainer.support.stopping import stoppable


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(landmarks)


def landmarks(
    datasets: Folders,
    out: Annotated[Path, typer.Option(help="The ONNX file to write.")],
    work: WorkFolder = None,
    pairs: PairsFile = None,
    folds: HeldOutFolds = "1,2",
    steps: Annotated[int, typer.Option(min=2, help="Length.")] = 6000,
    batch: Annotated[int, typer.Option(min=8, help="Views a step.")] = 256,
) -> None:
    """Train the network that finds five landmarks, from the points of dlib's predictor.

    The same command again goes on where the last one ended, however it ended. With --pairs, the
    people of these folds are kept out of the training (folders named after people).
    """
    from streamer.runtime.stderr import quiet_stderr
    from trainer.landmarks.faces import build_landmark_faces
    from trainer.landmarks.points_teacher import load_points_teacher

    if find_spec("onnx") is None:
        raise ConfigError(
            "the landmarks network is an ONNX file. Install onnx with: "
            "pip install 'facestream[export]'"
        )
    photos = photos_below(datasets, pairs, folds)
    work = work or out.with_suffix(".work")
    with stoppable() as stopped:
        with progress_to("cutting faces, photos") as show:
            faces = build_landmark_faces(
                photos.learnt, work / "faces", load_points_teacher, until_stopped(show, stopped)
            )
        if not len(faces.contexts):
            raise DatasetError(f"no face was found in {len(photos.learnt)} photos")
        with quiet_stderr():
            from trainer.landmarks.training import LandmarksRecipe, LandmarksTraining

            training = LandmarksTraining(faces, work, LandmarksRecipe(steps=steps, batch=batch))
        with progress_text("training, steps") as tell:
            done = training.train(lambda step, loss: tell(step, steps, f"loss {loss:.4f}"), stopped)
    if not done:
        typer.echo(f"stopped at step {training.step} of {steps}; the same command goes on")
        return
    write_file(out, training.onnx(), SHARED_MODE)
    typer.echo(f"{out}: from {len(faces.contexts)} faces")
