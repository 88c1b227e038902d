"""Files that are there whole or not at all, whenever the process is killed; and whose they are.

What the program writes is its owner's alone, whatever the umask is, for most of it is of people or
secret. `SHARED_MODE` is for what is neither.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

PRIVATE_MODE, PRIVATE_FOLDER_MODE = 0o600, 0o700
SHARED_MODE = 0o666
"""Less the umask, as any program's files are: weights, pictures for others."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, which replaces it unless something is raised."""
    partial = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield partial
        descriptor = os.open(partial, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_file(path: Path, content: bytes, mode: int = PRIVATE_MODE) -> None:
    """Write or replace a file in one step; `mode` is of the new file, less the process's umask."""
    with replacing(path) as partial:
        partial.unlink(missing_ok=True)  # of a killed process that had this one's number
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)


def create_private(path: str | Path, flags: int) -> int:
    """Open a file for `open(..., opener=create_private)`: a new one is the owner's alone."""
    return os.open(path, flags | os.O_CLOEXEC, PRIVATE_MODE)


def private_folder(path: Path, close: bool = False) -> None:
    """Make a folder, with those above it that are not there: the owner's alone.

    One that is there stays as it is; with `close`, it is closed to others.
    """
    for each in (*reversed(path.parents), path):
        if not each.is_dir():
            each.mkdir(PRIVATE_FOLDER_MODE, exist_ok=True)
    if close and path.stat().st_mode & _OTHERS:
        path.chmod(PRIVATE_FOLDER_MODE)


def open_to_others(folder: Path, besides: tuple[str, ...] = ()) -> list[Path]:
    """Return the files and folders below a folder that group or others may enter, read or write.

    besides: names of its folders that are left out. Sockets are left out: their folder counts.
    """
    found: list[Path] = []
    for here, folders, files in os.walk(folder):
        if Path(here) == folder:
            folders[:] = [name for name in folders if name not in besides]
        for name in (*folders, *files):
            path = Path(here, name)
            try:
                mode = path.lstat().st_mode
            except OSError:  # it has gone meanwhile
                continue
            if mode & _OTHERS and not (stat.S_ISLNK(mode) or stat.S_ISSOCK(mode)):
                found.append(path)
    return sorted(found)
