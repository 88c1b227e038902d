"""`facestream make-clip`: a clip made of labelled photos, with exact truth."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamer.errors import ConfigError, DatasetError
from trainer.commands.options import FoldList, PairsFile
from trainer.support.progress import progress_bar
from trainer.support.stopping import stoppable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.clips.play import Setting

_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})")
_RANGE = re.compile(r"(\d{1,4})-(\d{1,4})")
_LEAST_FACE_PX = 16


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(make_clip)


def make_clip(
    root: Annotated[Path, typer.Argument(help="Photos of people, as ROOT/person/photo.jpg.")],
    out: Annotated[Path, typer.Option(help="The clip to write, .mp4 or .avi.")] = Path("clip.mp4"),
    truth: Annotated[
        Path | None, typer.Option(help="The truth file to write; by default beside the clip.")
    ] = None,
    enrol: Annotated[
        Path | None,
        typer.Option(help="Folder to make for enrol-folder; by default CLIP-enrol."),
    ] = None,
    known: Annotated[int, typer.Option(min=0, help="People to be enrolled.")] = 4,
    strangers: Annotated[int, typer.Option(min=0, help="People who are not.")] = 4,
    enrol_photos: Annotated[
        int, typer.Option(min=1, help="Photos of each to enrol; the clip shows only others.")
    ] = 5,
    at_once: Annotated[int, typer.Option(min=1, max=12, help="Faces at once, at most.")] = 3,
    seconds: Annotated[float, typer.Option(min=2, max=7200, help="Length.")] = 60.0,
    size: Annotated[str, typer.Option(help="Of the picture, WIDTHxHEIGHT.")] = "1280x720",
    fps: Annotated[float, typer.Option(min=1, max=120, help="Frames a second.")] = 25.0,
    face: Annotated[
        str, typer.Option(help="Widths of faces in pixels, FROM-TO; by default by the height.")
    ] = "",
    judged_from: Annotated[
        int | None,
        typer.Option(min=1, help="Narrower faces count for nothing; by default the least --face."),
    ] = None,
    one_photo: Annotated[
        bool, typer.Option("--one-photo", help="Each visit shows a single photo.")
    ] = False,
    background: Annotated[
        Path | None, typer.Option(help="A picture of a room; by default one that is built in.")
    ] = None,
    pairs: PairsFile = None,
    folds: FoldList = "",
    seed: Annotated[int, typer.Option(min=0, help="Another one, another clip.")] = 0,
) -> None:
    """Make a clip of people from photos of them, and the truth of who is where in it.

    People come, cross, are covered, go and return; several photos of a person in a visit stand
    for a head that turns. With --pairs, only people of that LFW pairs file play.
    """
    import numpy as np

    from trainer.clips.cast import Wanted, choose_players
    from trainer.clips.make import ClipMaker, link_enrolment, write_clip
    from trainer.datasets.pairs import people_of, read_folds
    from trainer.truth.file import write_truth

    setting = _setting(size, face, seconds, at_once, one_photo)
    truth = truth or out.with_suffix(".json")
    enrol = enrol or out.with_name(f"{out.stem}-enrol")
    _check_places(root, out, truth, enrol)
    if known + strangers == 0:
        raise ConfigError("--known and --strangers must not both be 0: nobody would be in the clip")
    room = _room(background)
    only = people_of(read_folds(pairs, folds)) if pairs else None
    rng = np.random.default_rng(seed)
    wanted = Wanted(known=known, strangers=strangers, enrol_photos=enrol_photos)
    frames = max(1, round(seconds * fps))
    with stoppable() as stopped:

        def go_on() -> None:
            if stopped():
                raise DatasetError("stopped; no clip was written")

        players = choose_players(root, wanted, rng, only, go_on)
        maker = ClipMaker(players, setting, room, rng)
        link_enrolment(enrol, {p.name: p.enrolled_from for p in players if p.known})
        with progress_bar("frames", frames) as advance:

            def on_frame() -> None:
                advance(1)
                go_on()

            write_clip(out, maker, (setting.width, setting.height), fps, frames, on_frame)
    least = judged_from if judged_from is not None else setting.face_px[0] * 0.8
    write_truth(truth, maker.truth(out.name, fps, frames, least))
    typer.echo(f"{out}: {frames / fps:g} s, {len(maker.visits)} visits of {len(players)} people")
    typer.echo(f"{truth}: who is where in it")
    if known:
        typer.echo(f"{enrol}: the {known} known; enrol them with: facestream enrol-folder {enrol}")


def _setting(size: str, face: str, seconds: float, at_once: int, one_photo: bool) -> "Setting":
    from trainer.clips.play import Setting

    sides = _SIZE.fullmatch(size)
    if sides is None or min(map(int, sides.groups())) < 64:
        raise ConfigError(f"--size must be as 1280x720, of 64 pixels or more. Received: {size!r}")
    width, height = (int(side) // 2 * 2 for side in sides.groups())
    widths = _RANGE.fullmatch(face) if face else None
    low, high = (int(w) for w in widths.groups()) if widths else (height / 9, height / 4)
    if (face and widths is None) or not _LEAST_FACE_PX <= low <= high <= height:
        raise ConfigError(
            f"--face must be as 80-180, from {_LEAST_FACE_PX} to the height. Received: {face!r}"
        )
    return Setting(
        width=width,
        height=height,
        seconds=seconds,
        at_once=at_once,
        face_px=(low, high),
        one_photo=one_photo,
    )


def _check_places(root: Path, out: Path, truth: Path, enrol: Path) -> None:
    from trainer.clips.make import SUFFIXES

    if out.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"--out must end in {' or '.join(SUFFIXES)}. Received: {out}")
    for path in (out, truth):
        if not path.parent.is_dir():
            raise ConfigError(f"{path}: its folder must exist")
    if truth.resolve() == out.resolve():
        raise ConfigError(f"--truth must be another file than --out. Received: {truth}")
    # It is made anew, and photos may be links, too.
    if root.resolve().is_relative_to(enrol.resolve()):
        raise ConfigError(f"--enrol must be away from the photos. Received: {enrol}")


def _room(background: Path | None) -> "NDArray[np.uint8]":
    from streamer.vision.files import read_image
    from trainer.clips.scene import room_bgr

    if background is None:
        return room_bgr()
    picture = read_image(background)
    if picture is None:
        raise ConfigError(f"{background}: --background must be a picture that can be read")
    return picture
