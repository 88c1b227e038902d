"""`facestream set-aside`, `put-back`: crops that no longer fit, and the way back."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from streamer.config.loading import load_config
from streamer.control.line import new_request_id
from streamer.errors import ConfigError, GalleryError
from streamer.files import write_file
from streamer.wire.control import PutBack
from trainer.commands.performing import perform
from workers.commands.completion import complete_person


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (set_aside, put_back):
        app.command()(command)


def set_aside(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="Only this person's.", autocompletion=complete_person)
    ] = "",
    sheet: Annotated[Path | None, typer.Option(help="Also draw them into this .jpg file.")] = None,
) -> None:
    """List the crops that were enrolled and are set aside, and why.

    Enrolment and `rebuild` set aside what is unlike a person's others, or nearer to somebody else.
    It is kept, counts for nothing, and goes back with: facestream put-back NAME ID
    """
    from workers.gallery.store import GalleryStore
    from workers.names import composed_name

    gallery = GalleryStore(load_config(context.obj).gallery_path).read()
    name = composed_name(name)
    if gallery is None or (name and name not in gallery.people.names):
        raise GalleryError(f"{name or 'nobody'!r} is not enrolled; see: facestream people")
    aside = gallery.people.aside
    rows = aside.of(name) if name else list(aside.rows)
    if not rows:
        typer.echo(f"nothing{f' of {name}' if name else ''} is set aside")
        return
    for row in rows:
        since = row.since_utc[:16].replace("T", " ")
        typer.echo(f"{row.person}, {row.id}, {since}: {row.source}: {row.reason}")
    typer.echo("undo with: facestream put-back NAME ID")
    if sheet is not None:
        _draw(sheet, name or "everybody", [(row.id, row.reason) for row in rows], aside.crops_rgb[
            [index for index, row in enumerate(aside.rows) if row in rows]
        ])  # fmt: skip
        typer.echo(f"{sheet}: it holds faces: keep it safe")


def put_back(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The person's name.", autocompletion=complete_person)],
    ids: Annotated[list[str], typer.Argument(help="As `facestream set-aside` lists them, or all.")],
) -> None:
    """Put crops that were set aside back; they are this person's, and stay."""
    from workers.gallery.store import GalleryStore
    from workers.names import composed_name

    config, name = load_config(context.obj), composed_name(name)
    gallery = GalleryStore(config.gallery_path).read()
    if gallery is None or name not in gallery.people.names:
        raise GalleryError(f"{name!r} is not enrolled; see: facestream people")
    wanted = [row.id for row in gallery.people.aside.of(name)] if ids == ["all"] else ids
    if not wanted:
        raise GalleryError(f"nothing of {name} is set aside; see: facestream set-aside")
    perform(config, PutBack(id=new_request_id(), person=name, crops=tuple(wanted)))


def _draw(
    path: Path, title: str, texts: list[tuple[str, str]], crops_rgb: NDArray[np.uint8]
) -> None:
    from streamer.vision.align import Pose
    from streamer.vision.quality import MeasuredCrop
    from trainer.enrolment.contact_sheet import sheet_jpeg
    from trainer.enrolment.rows import Face
    from workers.gallery.crop_source import CropSource

    if path.suffix.lower() not in (".jpg", ".jpeg") or not path.parent.is_dir():
        raise ConfigError("--sheet must name a .jpg file, in a folder that exists")
    faces = [
        Face(
            CropSource(word),
            MeasuredCrop(
                crop_rgb=crop, face_px=1.0, sharpness=0.0, brightness=0.0, pose=Pose(0, 0, 0)
            ),
            f"{word}: {reason}",
        )
        for (word, reason), crop in zip(texts, crops_rgb, strict=True)
    ]
    write_file(path, sheet_jpeg(title, faces, f"{len(faces)} set aside"))
