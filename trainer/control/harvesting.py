"""Faces out of pictures that somebody sent, in a process that may die of them.

The process looks at one file after the other and leaves what it found of each. Where it dies, or
looks at one file for too long, that file is refused, and another process goes on with the next.
"""

import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path

from streamer.files import private_folder, write_file
from trainer.control.guarded import end, limit_memory, wait_for
from trainer.control.work import Work
from trainer.enrolment.bulk import Rules, harvest_to, read_harvest
from trainer.enrolment.harvest import CLIP_SUFFIXES
from trainer.enrolment.rows import Harvest

PICTURE_S = 120.0
CLIP_S = 3600.0
_REFUSED = ".refused"


@dataclass(frozen=True)
class Wanted:
    """A file of somebody, and the seconds that it may take.

    shown: what it is called in what is told, where that is not its path.
    """

    person: str
    path: Path
    limit_s: float
    shown: str = ""

    @property
    def name(self) -> str:
        """What it is called."""
        return self.shown or str(self.path)


def limit_of(path: Path) -> float:
    """Return the seconds that a file may take."""
    return CLIP_S if path.suffix.lower() in CLIP_SUFFIXES else PICTURE_S


def harvest_files(files: Sequence[Wanted], rules: Rules, work: Work) -> dict[str, Harvest]:
    """Harvest each file, for each person; a run that ended is gone on with."""
    folder = work.folder / "harvest"
    private_folder(folder)
    places = [(file, folder / f"{number:05d}.npz") for number, file in enumerate(files)]
    process: BaseProcess | None = None
    try:
        while left := [each for each in places if not _is_done(each[1])]:
            file, place = left[0]
            shown = file.shown or file.path.name
            work.progress(f"looking at {shown}", len(places) - len(left), len(places))
            if process is None:
                process = _start(left, rules)
            why = wait_for(place, process, file.limit_s, work)
            if why:
                end(process)
                process = None
                write_file(place.with_suffix(_REFUSED), why.encode())
    finally:
        if process is not None:
            end(process)
    return _together(places)


def _start(todo: Sequence[tuple[Wanted, Path]], rules: Rules) -> BaseProcess:
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_look, args=(list(todo), rules), daemon=True)
    process.start()
    return process


def _look(todo: Sequence[tuple[Wanted, Path]], rules: Rules) -> None:
    limit_memory()
    for file, place in todo:
        harvest_to(file.person, [file.path], place, rules)


def _is_done(place: Path) -> bool:
    return place.exists() or place.with_suffix(_REFUSED).exists()


def _together(places: Sequence[tuple[Wanted, Path]]) -> dict[str, Harvest]:
    results: dict[str, Harvest] = {}
    for file, place in places:
        result = results.setdefault(file.person, Harvest())
        refused = place.with_suffix(_REFUSED)
        found = None if refused.exists() else read_harvest(place)
        if found is None:
            why = refused.read_text() if refused.exists() else "cannot be read"
            result.refused_files.append((file.name, why))
            continue
        for face in found.faces:
            result.faces.append(replace(face, source=replace(face.source, path=file.name)))
        result.refused_files += [(file.name, why) for _, why in found.refused_files]
    return results
