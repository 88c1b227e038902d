"""`facestream train groups`: how a network does by sex, age and origin, where labels are known."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from streamer.config.loading import load_config
from streamer.errors import DatasetError
from streamer.files import write_file
from streamer.runtime.cores import available_cores
from trainer.commands.options import FoldList, PairsFile, WeightsFile
from trainer.support.progress import progress_bar


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(groups)


def groups(
    context: typer.Context,
    root: Annotated[Path, typer.Argument(help="Folder of photos; folders in it are people.")],
    labels: Annotated[Path, typer.Option("--labels", help="CSV: file,sex,age,... of the photos.")],
    pairs: PairsFile = None,
    folds: FoldList = "",
    most: Annotated[
        int, typer.Option(min=0, help="So many of the photos, picked by chance; 0 for all.")
    ] = 0,
    limit: Annotated[
        float | None, typer.Option(min=-1, max=1, help="The similarity to accept from.")
    ] = None,
    weights: WeightsFile = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures here, too.")
    ] = None,
) -> None:
    """Measure false and true accepts within groups of people, at one limit for all.

    The limit is what one in 1,000 pairs of different people reach, or --limit. Photos that
    lie in ROOT itself are taken for a person each. With --pairs, only the people of its folds
    are measured.
    """
    import numpy as np

    from trainer.datasets.pairs import people_of, read_folds
    from trainer.evaluation.groups import measure_groups, read_labels
    from trainer.evaluation.lfw import embed_faces
    from trainer.support.cutting import cutter_for
    from workers.embedding.embedder import load_embedder

    known = read_labels(labels)
    names = [name for name in sorted(known) if (root / name).is_file()]
    if pairs is not None:
        wanted = people_of(read_folds(pairs, folds))
        names = [name for name in names if Path(name).parent.name in wanted]
    if not names:
        raise DatasetError(f"{labels}: none of its photos is in {root}, or is to be measured")
    if most and most < len(names):
        picked = np.random.default_rng(0).permutation(len(names))[:most]
        names = [names[number] for number in sorted(picked)]
    config = load_config(context.obj)
    path = weights or config.weights_path
    embedder = load_embedder(path, config.embed, available_cores(), config.answers_path)
    with progress_bar("photos", len(names)) as advance:
        photos = [root / name for name in names]
        vectors = embed_faces(photos, embedder, advance, None, cutter_for(embedder.alignment))
    seen = [row for row in range(len(names)) if not np.isnan(vectors[row, 0])]
    people = [str(Path(names[row]).parent) for row in seen]
    used, found = measure_groups(
        np.asarray(vectors[seen], np.float32),
        [names[row] if person == "." else person for row, person in zip(seen, people, strict=True)],
        [known[names[row]] for row in seen],
        limit,
    )
    table = Table(
        title=f"{len(seen)} of {len(names)} photos with a face; similarity {used:.4f} and more",
        title_justify="left",
    )
    columns = ("group", "photos", "people", "pairs of different people", "accepted", "of one", "")
    for column in columns:
        table.add_column(column, justify="left" if column == "group" else "right")
    for row in found:
        table.add_row(
            f"{row.column} {row.value}".strip(),
            str(row.photos),
            str(row.people),
            str(row.different),
            f"{row.accepted / row.different:.3%}" if row.different else "",
            str(row.same) if row.same else "",
            f"{row.same_accepted / row.same:.1%}" if row.same else "",
        )
    Console().print(table)
    if json_file is not None:
        figures = {"limit": used, "photos": len(names), "groups": [asdict(row) for row in found]}
        write_file(json_file, (json.dumps(figures, indent=1) + "\n").encode())
