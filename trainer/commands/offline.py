"""`facestream identify-files`, `compare`, `embed-files`, `cluster`: work on files alone."""

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamer.config.loading import load_config
from streamer.errors import ConfigError, DatasetError, GalleryError, PictureError
from streamer.files import write_file
from trainer.support.progress import progress_bar
from trainer.support.stopping import stoppable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.enrolment.faces import FoundFace
    from workers.embedding.embedder import Embedder

_LIKELY_ONE_PERSON = 0.01
_BATCH = 32


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (identify_files, compare, embed_files, cluster):
        app.command()(command)


def identify_files(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Pictures, clips, folders of them.")],
    out: Annotated[Path, typer.Option(help="Folder for what is written.")] = Path("identified"),
) -> None:
    """Name the faces in pictures and clips: labelled copies, crops, a CSV and JSON.

    Stopped or killed, the same command goes on.
    """
    from collections import Counter

    from trainer.commands.enrolment import network
    from trainer.offline.identify_files import FileIdentifier, plan_files
    from trainer.offline.identify_files import identify_files as run_files
    from workers.gallery.store import GalleryStore
    from workers.identity.face import Likeness

    config = load_config(context.obj)
    plan = plan_files(paths)
    embedder, impostors = network(config)
    gallery = GalleryStore(config.gallery_path).load(embedder.fingerprint)
    if gallery is None or not gallery.people.names:
        raise GalleryError("nobody is enrolled; do it with: facestream enrol NAME PHOTO...")
    identifier = FileIdentifier(config, embedder, gallery, Likeness.of(impostors), out)
    settings = (config.detect, config.track, config.capture, config.identify)
    run = f"{gallery.fingerprint} {settings}"
    with stoppable() as stopped, progress_bar("files", len(plan)) as advance:

        def on_file() -> None:
            advance(1)
            if stopped():
                raise DatasetError("stopped; the same command goes on from here")

        rows = run_files(plan, identifier, out, run, on_file)
    for row in rows:
        if row.outcome == "named":
            typer.echo(f"{row.file}: {row.identity} {row.probability:.2%}")
        else:
            fault = identifier.faults.get(row.file)
            typer.echo(f"{row.file}: {row.outcome}{f': {fault}' if fault else ''}")
    counted = Counter(row.outcome for row in rows)
    summary = ", ".join(f"{count} {outcome}" for outcome, count in counted.items())
    typer.echo(f"{summary}; see {out}/predictions.csv, {out}/labelled")


def compare(
    context: typer.Context,
    a: Annotated[Path, typer.Argument(help="A picture.")],
    b: Annotated[Path, typer.Argument(help="Another.")],
    json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Tell whether the largest faces of two pictures are one person's."""
    import numpy as np

    from streamer.vision.align import alignment_for
    from trainer.commands.enrolment import network
    from trainer.enrolment.faces import faces_in, picture_detector

    config = load_config(context.obj)
    detector = picture_detector(config.detect)
    alignment = alignment_for(config.embed, config.weights_path)
    crops = []
    for path in (a, b):
        _, faces = faces_in(path, detector, alignment)
        if not faces:
            raise PictureError(f"{path}: no face was found")
        crops.append(faces[0].crop_rgb)
    embedder, impostors = network(config)
    first, second = embedder.embed(np.stack(crops))
    apart = float(np.clip(2 - 2 * first @ second, 0, 4))
    nearer = impostors.share_nearer_than(apart)
    figures = {
        "similarity": 1 - apart / 2,
        "squared_distance": apart,
        "different_people_nearer": nearer,
        "same_person": nearer < _LIKELY_ONE_PERSON,
    }
    if json_:
        typer.echo(json.dumps(figures))
        return
    verdict = "probably one person" if figures["same_person"] else "probably two people"
    typer.echo(
        f"{verdict}: similarity {figures['similarity']:.4f}, squared distance {apart:.4f}; "
        f"{nearer:.2%} of pairs of different people are nearer"
    )


def embed_files(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A folder of pictures.")],
    out: Annotated[Path, typer.Option(help="The .npz file to write.")],
) -> None:
    """Embed the faces of a folder's pictures into a file."""
    if out.suffix != ".npz" or not out.parent.is_dir():
        raise ConfigError("--out must name a .npz file, in a folder that exists")
    import numpy as np

    from trainer.datasets.embeddings_file import write_embeddings

    faces, vectors, embedder = _embedded(context, folder)
    names = [str(face.path.relative_to(folder)) for face in faces]
    boxes = [face.box for face in faces]
    write_embeddings(out, names, boxes, np.asarray(vectors, np.float32), embedder.fingerprint)
    typer.echo(f"{out}: {len(faces)} faces of {len(set(names))} pictures")


def cluster(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A folder of pictures.")],
    out: Annotated[Path, typer.Option(help="Folder for the groups.")] = Path("clusters"),
    nearer: Annotated[
        float,
        typer.Option(
            min=1e-4, max=0.5, help="Join groups that are nearer than this share of strangers."
        ),
    ] = 0.003,
) -> None:
    """Group the faces of unlabelled pictures by person: a folder of crops for each, and a CSV."""
    import numpy as np

    from streamer.vision.images import encode_image
    from trainer.offline.cluster import cluster as group_faces
    from workers.classifier.impostors import load_impostors

    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"{out}: is not empty; name a new folder with --out")
    faces, vectors, embedder = _embedded(context, folder)
    config = load_config(context.obj)
    impostors = load_impostors(config.weights_path, embedder.fingerprint)
    groups = group_faces(vectors, impostors.same_person_limit(nearer))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["group", "file", "x", "y", "width", "height", "crop"])
    for index, (face, group) in enumerate(zip(faces, groups, strict=True)):
        label = "alone" if group < 0 else f"person-{group + 1:03d}"
        place = out / label / f"{index:05d}-{face.path.stem}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        bgr = np.ascontiguousarray(face.crop_rgb[:, :, ::-1])
        write_file(place, encode_image(bgr, ".png"))
        writer.writerow([label, face.path, *face.box.rounded(), place.relative_to(out)])
    out.mkdir(parents=True, exist_ok=True)
    write_file(out / "clusters.csv", text.getvalue().encode())
    alone = int((groups < 0).sum())
    people = len(set(groups.tolist()) - {-1})
    typer.echo(f"{len(faces)} faces: {people} people, {alone} alone; see {out}/clusters.csv")


def _embedded(
    context: typer.Context, folder: Path
) -> "tuple[list[FoundFace], NDArray[np.float32], Embedder]":
    import numpy as np

    from trainer.commands.enrolment import network
    from trainer.enrolment.faces import faces_of_all, picture_detector
    from trainer.support.photos import find_photos

    config = load_config(context.obj)
    photos = find_photos([folder])
    embedder, _ = network(config)
    faces: list[FoundFace] = []
    parts, refused = [], 0
    waiting: list[FoundFace] = []
    with stoppable() as stopped, progress_bar("pictures", len(photos)) as advance:
        detector = picture_detector(config.detect)
        for path, found, why in faces_of_all(photos, detector, embedder.alignment):
            if why:
                typer.echo(f"{path}: {why}", err=True)
                refused += 1
            waiting += found
            if len(waiting) >= _BATCH or path == photos[-1]:
                if waiting:
                    parts.append(embedder.embed(np.stack([face.crop_rgb for face in waiting])))
                faces += waiting
                waiting = []
            advance(1)
            if stopped():
                raise DatasetError("stopped; nothing was written")
    if not faces:
        raise DatasetError(f"{folder}: no face was found in {refused} pictures")
    return faces, np.concatenate(parts), embedder
