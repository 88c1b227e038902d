"""Faces out of pictures that somebody sent, in a process that may die of them.

The process looks at one file after the other and leaves what it found of each. Where it dies, or
looks at one file for too long, that file is refused, and another process goes on with the next.
"""

import multiprocessing
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

from streamer.files import write_file
from trainer.control.work import Work
from trainer.enrolment.bulk import Rules, harvest_to, read_harvest
from trainer.enrolment.rows import Harvest
from trainer.support.stopping import end_with_parent

PICTURE_S = 120.0
CLIP_S = 3600.0
_POLL_S = 0.1
_END_S = 5.0
_MAX_BYTES = 6 * 1024**3
_REFUSED = ".refused"


def harvest_files(
    person: str,
    files: Sequence[tuple[Path, float]],
    names: Mapping[Path, str],
    rules: Rules,
    work: Work,
) -> Harvest:
    """Harvest each file, with the seconds that it may take; a run that ended is gone on with.

    names: what files are called in what is told, where that is not their path.
    """
    folder = work.folder / "harvest"
    folder.mkdir(exist_ok=True)
    places = [(path, folder / f"{number:05d}.npz", limit)
              for number, (path, limit) in enumerate(files)]  # fmt: skip
    process: BaseProcess | None = None
    try:
        while left := [each for each in places if not _is_done(each[1])]:
            path, place, limit_s = left[0]
            shown = names.get(path, path.name)
            work.progress(f"looking at {shown}", len(places) - len(left), len(places))
            if process is None:
                process = _start(person, [each[:2] for each in left], rules)
            why = _wait_for(place, process, limit_s, work)
            if why:
                _end(process)
                process = None
                write_file(place.with_suffix(_REFUSED), why.encode())
    finally:
        if process is not None:
            _end(process)
    return _together(places, names)


def _start(person: str, todo: Sequence[tuple[Path, Path]], rules: Rules) -> BaseProcess:
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_look, args=(person, list(todo), rules), daemon=True)
    process.start()
    return process


def _look(person: str, todo: Sequence[tuple[Path, Path]], rules: Rules) -> None:
    import resource

    end_with_parent()
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_BYTES, _MAX_BYTES))
    for path, place in todo:
        harvest_to(person, [path], place, rules)


def _wait_for(place: Path, process: BaseProcess, limit_s: float, work: Work) -> str:
    """Wait for what is found in a file; why there is nothing, or ""."""
    until = time.monotonic() + limit_s
    while not place.exists():
        work.check()
        process.join(_POLL_S)
        if process.exitcode is not None and not place.exists():
            return "cannot be read: it makes what reads it end"
        if time.monotonic() > until:
            return f"cannot be read: it takes longer than {limit_s:g} s"
    return ""


def _end(process: BaseProcess) -> None:
    process.kill()
    process.join(_END_S)


def _is_done(place: Path) -> bool:
    return place.exists() or place.with_suffix(_REFUSED).exists()


def _together(places: Sequence[tuple[Path, Path, float]], names: Mapping[Path, str]) -> Harvest:
    result = Harvest()
    for path, place, _ in places:
        name = names.get(path, str(path))
        refused = place.with_suffix(_REFUSED)
        found = None if refused.exists() else read_harvest(place)
        if found is None:
            why = refused.read_text() if refused.exists() else "cannot be read"
            result.refused_files.append((name, why))
            continue
        for face in found.faces:
            result.faces.append(replace(face, source=replace(face.source, path=name)))
        result.refused_files += [(name, why) for _, why in found.refused_files]
    return result
