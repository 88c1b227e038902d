"""What the data folder holds of people, replaced by another state of it: the old or the new one.

The new state is made in `.restore.partial`. That becomes `.restore`, with a plan in it, in one
step; from then on the new state is what is there, though the folders are still to be moved.
Whoever next reads the config moves what a killed process left, and removes what it made before.
"""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from streamer.errors import BackupError
from streamer.files import private_folder, write_file

STATE = (
    "control", "gallery", "history", "paused.json", "refused", "reports", "web", "webhooks", "work",
)  # fmt: skip
"""What goes together: of people, made of them, or under way. Where it is not in a new state, it is
gone with the old one."""

COPIES = ".backup"
_MAKING, _NEW, _OLD, _PLAN = ".restore.partial", ".restore", ".before-restore", "plan.json"


@contextlib.contextmanager
def replacing_state(data: Path) -> Iterator[Path]:
    """Yield a folder to fill with the new state, which then replaces what the data folder has.

    If anything is raised, the old state stays. No process may be at work in the data folder.
    Raises BackupError where a part of it cannot be moved.
    """
    with only_one(data):
        for name in STATE:
            if os.path.ismount(data / name):
                raise BackupError(
                    f"{data / name}: is a file system of its own and cannot be replaced in one "
                    f"step; mount {data} as a whole"
                )
        making = data / _MAKING
        private_folder(making)
        yield making
        names = sorted(path.name for path in making.iterdir())
        write_file(making / _PLAN, json.dumps(names).encode())
        _sync(making)
        making.rename(data / _NEW)
        _sync(data)
        _finish(data)


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Keep other backups and restores out, and remove what one that was killed has left."""
    descriptor = os.open(data, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(
                f"{data}: another backup or restore is under way; try again when it is done"
            ) from None
        _finish(data)
        try:
            yield
        finally:
            _clean(data)
    finally:
        os.close(descriptor)


def finish_replacement(data: Path) -> None:
    """Finish what was killed. While another process is at it, its end is waited for."""
    if not any(os.path.lexists(data / name) for name in (_NEW, _MAKING, _OLD, COPIES)):
        return
    descriptor = os.open(data, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not os.path.lexists(data / _NEW):
                return  # it is only being made
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        _finish(data)
    finally:
        os.close(descriptor)


def _finish(data: Path) -> None:
    """Move each part of the old state aside and of the new one in; any of it may be done."""
    new, old = data / _NEW, data / _OLD
    if (new / _PLAN).is_file():
        planned = json.loads((new / _PLAN).read_bytes())
        private_folder(old)
        for name in STATE:
            arriving, here = new / name, data / name
            if name in planned and not os.path.lexists(arriving):
                continue
            if os.path.lexists(here):
                _remove(old / name)
                here.rename(old / name)
            if name in planned:
                arriving.rename(here)
        _sync(data)
        (new / _PLAN).unlink()
    _clean(data)


def _clean(data: Path) -> None:
    if not (data / _NEW / _PLAN).is_file():
        for name in (_NEW, _OLD, _MAKING, COPIES):
            _remove(data / name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Have the names in a folder survive a power cut; in one that is made, also those below it."""
    below = [Path(here) for here, _, _ in os.walk(folder)] if folder.name == _MAKING else [folder]
    for here in below:
        descriptor = os.open(here, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
