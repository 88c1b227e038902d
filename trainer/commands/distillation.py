"""`facestream train distil`: weights of our own, from the descriptors of stronger networks."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamer.errors import ConfigError, DatasetError
from streamer.files import write_file
from trainer.commands.options import (
    Folders,
    HeldOutFolds,
    PairsFile,
    Photos,
    WorkFolder,
    photos_below,
    until_stopped,
)
from trainer.support.progress import progress_text, progress_to
from trainer.support.stopping import stoppable
from workers.network.nn4 import BLOCKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamer.vision.align import Alignment
    from trainer.distillation.distil import DistilProgress
    from trainer.teachers.faces import Faces
    from trainer.teachers.teacher import Teacher


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(distil)


def distil(
    datasets: Folders,
    out: Annotated[Path, typer.Option(help="The weights file to write.")],
    teacher: Annotated[
        list[str] | None,
        typer.Option(help='"dlib" (the default) or a TOML, with =SHARE if there are several.'),
    ] = None,
    crops: Annotated[
        str, typer.Option(help='"square": as detected; "level": turned by five landmarks.')
    ] = "square",
    work: WorkFolder = None,
    pairs: PairsFile = None,
    folds: HeldOutFolds = "1,2",
    unlike: Annotated[
        list[Path] | None, typer.Option(help="Photos of more people to leave out, as NAME/photo.")
    ] = None,
    start: Annotated[Path | None, typer.Option(help="Weights to begin with.")] = None,
    epochs: Annotated[float, typer.Option(min=0.01, help="Length; may be changed.")] = 30.0,
    minutes: Annotated[
        float | None, typer.Option(min=0.0, help="Stop after this; the same command goes on.")
    ] = None,
    peak_rate: Annotated[float, typer.Option(min=0.0, help="Highest learning rate.")] = 1.5e-3,
    fall_share: Annotated[
        float, typer.Option(min=0.01, max=1, help="Last part, in which the rate falls to zero.")
    ] = 0.35,
    batch: Annotated[int, typer.Option(min=2, help="Crops a step.")] = 128,
    freeze: Annotated[
        str, typer.Option(help='Last block to keep as it is in --start, e.g. "3b"; twice as fast.')
    ] = "",
    views: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of crops whose target is of the crop itself."),
    ] = 0.0,
    morphs: Annotated[
        int, typer.Option(min=0, help="Also train on so many blends of two faces each.")
    ] = 0,
) -> None:
    """Train NN4.small2 on photos without names, from stronger networks' descriptors.

    The same command again goes on where the last one ended, however it ended. With --pairs or
    --unlike, people are left out by name (of the folder that a photo lies in), and so are faces
    that the teachers take for one of theirs.
    """
    beginning = time.monotonic()
    work = work or out.with_suffix(".work")
    if crops not in ("square", "level"):
        raise ConfigError(f"--crops must be square or level. Received: {crops!r}")
    alignment: Alignment = "level" if crops == "level" else "square"
    if freeze not in ("", *BLOCKS):
        raise ConfigError(f"--freeze must be one of {', '.join(BLOCKS)}. Received: {freeze!r}")
    if freeze and start is None:
        raise ConfigError("--freeze keeps what --start brings; name weights to start with")
    if views and alignment != "level":
        raise ConfigError("--views needs --crops level: teachers look at levelled faces")
    from trainer.teachers.teacher import DLIB, load_teacher, named_teacher

    chosen = [named_teacher(text) for text in teacher or [DLIB]]
    shares = [share for _, share in chosen]
    photos = photos_below(datasets, pairs, folds, unlike or [])
    from streamer.runtime.stderr import quiet_stderr
    from workers.network.weights_file import load_weights, save_weights

    first = load_weights(start) if start else None
    teachers = [load_teacher(name) for name, _ in chosen]
    with quiet_stderr():
        from trainer.distillation.distil import Distiller, Recipe
        from trainer.distillation.targets import targets_for
        from trainer.distillation.training_faces import TrainingFaces
        from trainer.distillation.views import view_describer
    from workers.embedding.processor import this_processor

    with stoppable() as stopped:
        if pairs and not photos.held_out:
            typer.echo(
                "none of the photos is of the folds' people, so nobody can be left out by "
                "likeness; name photos of them by --unlike"
            )
        source = _Source(teachers, shares, work, stopped)
        faces = source.faces(photos)
        if len(faces.paths) < batch:
            raise DatasetError(f"must have at least {batch} photos with a face: {len(faces.paths)}")
        if morphs:
            faces = source.with_morphs(faces, morphs)
        with quiet_stderr():
            targets = targets_for(faces, shares, first, alignment, work)
        learnt = TrainingFaces(
            contexts=faces.contexts,
            points=faces.points,
            targets=targets.vectors,
            alignment=alignment,
            facts={
                "teachers": [f"{Path(name).name}={share:g}" for name, share in chosen],
                "targets": targets.key,
            },
            describe=view_describer(teachers, targets) if views else None,
        )
        recipe = Recipe(
            epochs=epochs,
            peak_rate=peak_rate,
            fall_share=fall_share,
            batch=batch,
            temperature=targets.temperature,
            view_share=views,
            frozen=freeze,
        )
        with quiet_stderr():
            distiller = Distiller(learnt, work, recipe, first, this_processor().bfloat16)

        def should_stop() -> bool:
            late = minutes is not None and time.monotonic() - beginning > minutes * 60
            return stopped() or late

        with progress_text("training, steps") as tell:

            def report(progress: "DistilProgress") -> None:
                note = f"loss {progress.loss:.4f}, {progress.crops_per_s:.0f} crops/s"
                tell(progress.step, progress.steps, note)

            done = distiller.train(report, lambda epoch, run: None, should_stop)
    _plot(work)
    fingerprint = save_weights(out, distiller.weights())
    state = "done" if done else f"stopped at step {distiller.step} of {distiller.steps}"
    typer.echo(f"{state}; {out}: {fingerprint}; log and plot are in {work}")


@dataclass(frozen=True)
class _Source:
    """Where the faces of a run come from."""

    teachers: "list[Teacher]"
    shares: list[float]
    work: Path
    stopped: "Callable[[], bool]"

    def faces(self, photos: Photos) -> "Faces":
        """Cut and describe the photos, and leave out who is like somebody that is held out."""
        from trainer.teachers.descriptors import alike, mixed, stranger_limit
        from trainer.teachers.faces import build_faces

        with progress_to("cutting faces, photos") as show:
            shown = until_stopped(show, self.stopped)
            faces = build_faces(photos.learnt, self.work / "faces", self.teachers, shown)
        typer.echo(f"{len(faces.paths)} faces in {len(photos.learnt)} photos")
        if not photos.held_out or not faces.paths:
            return faces
        with progress_to("cutting faces that are held out, photos") as show:
            shown = until_stopped(show, self.stopped)
            others = build_faces(photos.held_out, self.work / "held-out", self.teachers, shown)
        if not others.paths:
            return faces
        theirs = mixed(others.descriptors, self.shares)
        limit = stranger_limit(theirs, [Path(path).parent.name for path in others.paths])
        like = alike(mixed(faces.descriptors, self.shares), theirs, limit)
        typer.echo(
            f"{len(photos.held_out)} photos of people who are left out; {int(like.sum())} faces "
            f"of the others are like one of theirs (similarity over {limit:.3f}): left out, too"
        )
        return faces.of(~like)

    def with_morphs(self, faces: "Faces", count: int) -> "Faces":
        """Add so many blends of the faces to them."""
        from trainer.teachers.descriptors import mixed
        from trainer.teachers.faces import joined
        from trainer.teachers.morphs import build_morphs

        with progress_to("blending faces") as show:
            made = build_morphs(
                faces,
                mixed(faces.descriptors, self.shares),
                count,
                teachers=self.teachers,
                folder=self.work / "morphs",
                on_progress=until_stopped(show, self.stopped),
            )
        return joined([faces, made], len(self.teachers))


def _plot(work: Path) -> None:
    from trainer.evaluation.plots import png, training_figure

    log = work / "log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    if lines:
        write_file(work / "log.png", png(training_figure([json.loads(line) for line in lines])))
