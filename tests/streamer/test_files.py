from pathlib import Path

import pytest

from streamer.files import replacing, write_file


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
