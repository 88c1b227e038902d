"""`facestream train`: distil the network, test it, make what belongs to it."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from streamer.config.loading import load_config
from streamer.errors import ConfigError, DatasetError
from streamer.files import write_file
from streamer.runtime.cores import available_cores
from trainer.commands import tuning
from trainer.support.progress import progress_bar, progress_text, progress_to
from trainer.support.stopping import stoppable

if TYPE_CHECKING:
    from trainer.datasets.pairs import Pair
    from trainer.evaluation.lfw import Alter

app = typer.Typer(name="train", help="Train and test networks and galleries.", no_args_is_help=True)

tuning.register(app)

Folders = Annotated[list[Path], typer.Argument(help="Folders of photos, nested or flat.")]
PairsFile = Annotated[Path | None, typer.Option("--pairs", help="An LFW pairs file.")]
FoldList = Annotated[str, typer.Option("--folds", help='Folds of it, e.g. "1,2"; by default all.')]
WeightsFile = Annotated[Path | None, typer.Option("--weights", help="By default those in use.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the figures here, too.")]


@app.command()
def distil(
    datasets: Folders,
    out: Annotated[Path, typer.Option(help="The weights file to write.")],
    work: Annotated[Path | None, typer.Option(help="Cache, checkpoint, log and plots.")] = None,
    pairs: PairsFile = None,
    folds: FoldList = "1,2",
    start: Annotated[Path | None, typer.Option(help="Weights to begin with.")] = None,
    epochs: Annotated[float, typer.Option(min=0.01, help="Length; may be changed.")] = 30.0,
    minutes: Annotated[
        float | None, typer.Option(min=0.0, help="Stop after this; the same command goes on.")
    ] = None,
    peak_rate: Annotated[float, typer.Option(min=0.0, help="Highest learning rate.")] = 2e-3,
    fall_share: Annotated[
        float, typer.Option(min=0.01, max=1, help="Last part, in which the rate falls to zero.")
    ] = 0.35,
    batch: Annotated[int, typer.Option(min=2, help="Crops a step.")] = 128,
    morphs: Annotated[
        int, typer.Option(min=0, help="Also train on so many blends of two faces each.")
    ] = 0,
) -> None:
    """Train NN4.small2 on photos without names, from a stronger network's descriptors.

    The same command again goes on where the last one ended, however it ended. With --pairs, the
    people of these folds are kept out of the training (folders named after people).
    """
    work = work or out.with_suffix(".work")
    from trainer.datasets.pairs import people_of
    from trainer.support.photos import find_photos

    left_out = people_of(_pairs(pairs, folds)) if pairs else set()
    photos = find_photos(datasets, left_out)
    beginning = time.monotonic()
    from streamer.runtime.stderr import quiet_stderr

    with quiet_stderr():
        from trainer.distillation.distil import Distiller, DistilProgress, Recipe
        from trainer.distillation.face_cache import build_cache
        from trainer.distillation.morphs import build_morphs, joined
    from trainer.evaluation.plots import png, training_figure
    from workers.embedding.processor import this_processor
    from workers.network.weights_file import load_weights, save_weights

    recipe = Recipe(epochs=epochs, peak_rate=peak_rate, fall_share=fall_share, batch=batch)
    with stoppable() as stopped:
        with progress_to("cutting faces, photos") as show:

            def cut(done: int, total: int) -> None:
                show(done, total)
                if stopped():
                    raise DatasetError("stopped; the same command goes on from here")

            cache = build_cache(photos, work / "faces", cut)
        if len(cache.paths) < batch:
            raise DatasetError(f"must have at least {batch} photos with a face: {len(cache.paths)}")
        if morphs:
            with progress_to("blending faces") as show:

                def blended(done: int, total: int) -> None:
                    show(done, total)
                    if stopped():
                        raise DatasetError("stopped; the same command goes on from here")

                cache = joined([cache, build_morphs(cache, morphs, work / "morphs", blended)])
        distiller = Distiller(
            cache,
            work,
            recipe,
            load_weights(start) if start else None,
            bfloat16=this_processor().bfloat16,
        )

        def should_stop() -> bool:
            late = minutes is not None and time.monotonic() - beginning > minutes * 60
            return stopped() or late

        with progress_text("training, steps") as tell:

            def report(progress: DistilProgress) -> None:
                note = f"loss {progress.loss:.4f}, {progress.crops_per_s:.0f} crops/s"
                tell(progress.step, progress.steps, note)

            done = distiller.train(report, lambda epoch, run: None, should_stop)
    lines = (work / "log.jsonl").read_text().splitlines() if (work / "log.jsonl").exists() else []
    if lines:
        write_file(work / "log.png", png(training_figure([json.loads(line) for line in lines])))
    fingerprint = save_weights(out, distiller.weights())
    state = "done" if done else f"stopped at step {distiller.step} of {distiller.steps}"
    typer.echo(f"{state}; {out}: {fingerprint}; log and plot are in {work}")


@app.command()
def lfw(
    context: typer.Context,
    root: Annotated[Path, typer.Argument(help="LFW's folder: Name/Name_0001.jpg.")],
    pairs: Annotated[Path, typer.Option("--pairs", help="An LFW pairs file.")],
    folds: FoldList = "",
    weights: WeightsFile = None,
    embeddings: Annotated[
        Path | None,
        typer.Option(help="Test this file of `facestream embed-files` instead of a network."),
    ] = None,
    face_px: Annotated[
        int | None, typer.Option(min=4, max=96, help="Reduce each face to this width first.")
    ] = None,
    blur: Annotated[
        float | None, typer.Option(min=0.1, max=20, help="Blur by so many px of the crop.")
    ] = None,
    dark: Annotated[
        float | None, typer.Option(min=0.01, max=1, help="Multiply each value by this.")
    ] = None,
    grey: Annotated[bool, typer.Option("--grey", help="Without colours.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Write the ROC here, as PNG.")] = None,
    json_file: JsonFile = None,
) -> None:
    """Test a network by the LFW protocol; a face that is not found makes its pairs wrong."""
    from trainer.evaluation.lfw import embed_faces, run_lfw

    chosen = _pairs(pairs, folds)
    names = sorted({name for pair in chosen for name in (pair.first, pair.second)})
    if embeddings is not None:
        from trainer.datasets.embeddings_file import read_embeddings

        vectors = read_embeddings(embeddings)
    else:
        from workers.embedding.embedder import load_embedder

        absent = [name for name in names if not (root / name).is_file()]
        if absent:
            raise DatasetError(
                f"{root}: {len(absent)} pictures of the pairs are not there, e.g. {absent[0]}"
            )
        config = load_config(context.obj)
        embedder = load_embedder(
            weights or config.weights_path, config.embed, available_cores(), config.answers_path
        )
        with progress_bar("pictures", len(names)) as advance:
            found = embed_faces(
                [root / name for name in names],
                embedder,
                advance,
                _alter(face_px, blur, dark, grey),
            )
        vectors = dict(zip(names, found, strict=True))
    result = run_lfw(chosen, vectors)
    figures = {
        "accuracy": result.figures.accuracy,
        "accuracy_std": result.figures.accuracy_std,
        "auc": result.figures.auc,
        "eer": result.figures.eer,
        "tar_at_far_1e-3": result.figures.tar_at_far_1e_3,
        "faces_missed": result.faces_missed,
        "faces": result.faces,
        "pairs": len(chosen),
    }
    table = Table(title=f"{pairs}, {len(chosen)} pairs", title_justify="left", show_header=False)
    for key, value in figures.items():
        table.add_row(key, f"{value:.4f}" if isinstance(value, float) else str(value))
    Console().print(table)
    if plot is not None:
        from trainer.datasets.pairs import roc
        from trainer.evaluation.plots import png, roc_figure

        write_file(plot, png(roc_figure({"LFW pairs": roc(result.similarity, result.same)}, "ROC")))
    if json_file is not None:
        write_file(json_file, (json.dumps(figures, indent=1) + "\n").encode())


@app.command()
def impostors(
    context: typer.Context,
    datasets: Folders,
    weights: WeightsFile = None,
    pairs: PairsFile = None,
    folds: FoldList = "1,2",
) -> None:
    """Make the impostors that belong to a weights file: drawn from many people's embeddings.

    A gallery needs them to tell strangers from the enrolled. Folders must be named after people;
    at least 1,000 faces are needed. No real person's embedding is stored.
    """
    from trainer.datasets.pairs import people_of
    from trainer.finetuning.impostor_model import (
        draw_impostors,
        embed_photos,
        within_person_root,
        write_impostors,
    )
    from trainer.support.photos import find_photos
    from workers.classifier.impostors import impostors_path
    from workers.embedding.embedder import load_embedder

    photos = find_photos(datasets, people_of(_pairs(pairs, folds)) if pairs else set())
    config = load_config(context.obj)
    path = weights or config.weights_path
    embedder = load_embedder(path, config.embed, available_cores(), config.answers_path)
    with progress_bar("photos", len(photos)) as advance:
        faces = embed_photos(photos, embedder, advance)
    out = impostors_path(path)
    write_impostors(out, draw_impostors(faces), within_person_root(faces), embedder.fingerprint)
    typer.echo(f"{out}: from {len(faces.person)} faces, for weights {embedder.fingerprint}")


def _pairs(path: Path, folds: str) -> "list[Pair]":
    from trainer.datasets.pairs import read_pairs

    pairs = read_pairs(path)
    if not folds:
        return pairs
    known = {pair.fold for pair in pairs}
    words = [word.strip() for word in folds.split(",")]
    if not all(word.isdecimal() and int(word) in known for word in words):
        raise ConfigError(f"--folds must be of 1 to {max(known)}. Received: {folds!r}")
    return [pair for pair in pairs if pair.fold in {int(word) for word in words}]


def _alter(
    face_px: int | None, blur: float | None, dark: float | None, grey: bool
) -> "Alter | None":
    from trainer.evaluation.lfw import blurred, darkened, greyed, small_face

    steps: list[Alter] = []
    if face_px is not None:
        steps.append(small_face(face_px))
    if blur is not None:
        steps.append(blurred(blur))
    if dark is not None:
        steps.append(darkened(dark))
    if grey:
        steps.append(greyed)
    if len(steps) > 1:
        raise ConfigError("--face-px, --blur, --dark and --grey: one at a time")
    return steps[0] if steps else None
