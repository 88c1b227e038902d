"""Arguments that several training commands share, and what they mean."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from streamer.errors import DatasetError

Folders = Annotated[list[Path], typer.Argument(help="Folders of photos, nested or flat.")]
PairsFile = Annotated[Path | None, typer.Option("--pairs", help="An LFW pairs file.")]
FoldList = Annotated[str, typer.Option("--folds", help='Folds of it, e.g. "1,2"; by default all.')]
HeldOutFolds = Annotated[str, typer.Option("--folds", help="Folds whose people are left out.")]
WeightsFile = Annotated[Path | None, typer.Option("--weights", help="By default those in use.")]
WorkFolder = Annotated[
    Path | None, typer.Option(help="Cache, checkpoint and log; by default beside --out.")
]


class Photos(NamedTuple):
    """Photos to learn from, and photos of people of whom nothing is to be learnt."""

    learnt: list[Path]
    held_out: list[Path]


def photos_below(
    folders: Sequence[Path], pairs: Path | None, folds: str, unlike: Sequence[Path] = ()
) -> Photos:
    """Find the photos, and hold out the people of the folds and those below `unlike`, by name.

    People are the folders that photos lie in. Raises DatasetError, ConfigError.
    """
    from trainer.datasets.pairs import people_of, read_folds
    from trainer.support.photos import find_photos

    names = people_of(read_folds(pairs, folds)) if pairs else set()
    others = find_photos(unlike)
    names |= {photo.parent.name for photo in others if photo.parent not in unlike}
    photos = find_photos(folders)
    learnt = [photo for photo in photos if photo.parent.name not in names]
    if not learnt:
        raise DatasetError("every photo is of somebody who is left out")
    own = [photo for photo in photos if photo.parent.name in names]
    return Photos(learnt, [*own, *others])


def until_stopped(
    show: Callable[[int, int], None], stopped: Callable[[], bool]
) -> Callable[[int, int], None]:
    """Show progress, and raise DatasetError once a stop was asked for."""

    def shown(done: int, total: int) -> None:
        show(done, total)
        if stopped():
            raise DatasetError("stopped; the same command goes on from here")

    return shown
