import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamer.files import SHARED_MODE, open_to_others, private_folder, replacing, write_file


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_replaced_whole_or_stays_as_it_was(folder: Path) -> None:
    path = folder / "a.txt"
    write_file(path, b"old")
    with pytest.raises(RuntimeError), replacing(path) as partial:
        partial.write_bytes(b"ne")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in folder.iterdir()] == ["a.txt"]


@pytest.mark.usefixtures("no_umask")
def test_what_is_written_is_the_owners_alone_whatever_was_there(folder: Path) -> None:
    path = folder / "a"
    for left in (path, folder / f".{os.getpid()}.a"):
        left.touch(0o666)
    write_file(path, b"new")
    assert mode(path) == 0o600
    write_file(path, b"for all", SHARED_MODE)
    assert mode(path) == 0o666


@pytest.mark.usefixtures("no_umask")
def test_folders_are_made_private_and_those_that_are_there_stay(folder: Path) -> None:
    (folder / "a").mkdir(0o755)
    private_folder(folder / "a" / "b" / "c")
    assert [mode(folder / each) for each in ("a", "a/b", "a/b/c")] == [0o755, 0o700, 0o700]
    private_folder(folder / "a")
    assert mode(folder / "a") == 0o755
    private_folder(folder / "a", close=True)
    assert mode(folder / "a") == 0o700


@pytest.mark.usefixtures("no_umask")
def test_what_is_open_to_others_is_found(folder: Path) -> None:
    assert open_to_others(folder / "none") == []
    private_folder(folder / "gallery")
    write_file(folder / "gallery" / "current", b"1")
    assert open_to_others(folder) == []
    (folder / "gallery" / "old").mkdir(0o750)
    (folder / "gallery" / "old" / "x").touch(0o604)
    (folder / "gallery" / "link").symlink_to("old")
    (folder / "demo").mkdir(0o755)
    found = open_to_others(folder, besides=("demo",))
    assert [str(path.relative_to(folder)) for path in found] == [
        "gallery/old", "gallery/old/x",
    ]  # fmt: skip
