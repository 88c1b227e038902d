"""`facestream train`: networks and what belongs to them; here, testing one, and impostors."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from streamer.config.loading import load_config
from streamer.errors import ConfigError, DatasetError
from streamer.files import write_file
from streamer.runtime.cores import available_cores
from trainer.commands import distillation, groups, landmarks, tuning
from trainer.commands.options import (
    Folders,
    FoldList,
    HeldOutFolds,
    PairsFile,
    WeightsFile,
    photos_below,
)
from trainer.support.progress import progress_bar

if TYPE_CHECKING:
    from trainer.evaluation.lfw import Alter

app = typer.Typer(name="train", help="Train and test networks and galleries.", no_args_is_help=True)

for _part in (distillation, groups, landmarks, tuning):
    _part.register(app)

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the figures here, too.")]


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
    from trainer.datasets.pairs import read_folds
    from trainer.evaluation.lfw import embed_faces, run_lfw

    chosen = read_folds(pairs, folds)
    names = sorted({name for pair in chosen for name in (pair.first, pair.second)})
    if embeddings is not None:
        from trainer.datasets.embeddings_file import read_embeddings

        vectors = read_embeddings(embeddings)
    else:
        from trainer.support.cutting import cutter_for
        from workers.embedding.embedder import load_embedder

        absent = [name for name in names if not (root / name).is_file()]
        if absent:
            raise DatasetError(
                f"{root}: {len(absent)} pictures of the pairs are not there, e.g. {absent[0]}"
            )
        config = load_config(context.obj)
        path = weights or config.weights_path
        embedder = load_embedder(path, config.embed, available_cores(), config.answers_path)
        with progress_bar("pictures", len(names)) as advance:
            found = embed_faces(
                [root / name for name in names],
                embedder,
                advance,
                _alter(face_px, blur, dark, grey),
                cutter_for(embedder.alignment),
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
    folds: HeldOutFolds = "1,2",
    most: Annotated[
        int, typer.Option(min=0, help="Photos of each folder, picked by chance; 0 for all.")
    ] = 4000,
) -> None:
    """Make the impostors that belong to a weights file: drawn from many people's embeddings.

    A gallery needs them to tell strangers from the enrolled. Photos must lie in folders named
    after people; at least 1,000 faces are needed. No real person's embedding is stored.
    """
    from trainer.finetuning.impostor_model import (
        draw_impostors,
        embed_photos,
        some_photos,
        within_person_root,
        write_impostors,
    )
    from trainer.support.cutting import cutter_for
    from workers.classifier.impostors import Impostors, impostors_path
    from workers.embedding.embedder import load_embedder

    photos = some_photos(photos_below(datasets, pairs, folds).learnt, datasets, most)
    config = load_config(context.obj)
    path = weights or config.weights_path
    embedder = load_embedder(path, config.embed, available_cores(), config.answers_path)
    with progress_bar("photos", len(photos)) as advance:
        cut = cutter_for(embedder.alignment)
        faces = embed_photos(photos, embedder, advance, cut)
    out = impostors_path(path)
    drawn, kind = draw_impostors(faces)
    made = Impostors(drawn, within_person_root(faces), embedder.fingerprint, kind)
    write_impostors(out, made)
    typer.echo(f"{out}: from {len(faces.person)} faces, for weights {embedder.fingerprint}")


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
