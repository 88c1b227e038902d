from pathlib import Path

import pytest

from streamer.errors import FacestreamError
from workers.identity.id_sequence import BLOCK, IdSequence


def test_numbers_begin_at_one_and_never_repeat_across_runs(folder: Path) -> None:
    path = folder / "new" / "next-number"
    first, second = IdSequence(path), IdSequence(path)
    taken = [first.take() for _ in range(BLOCK + 2)] + [second.take() for _ in range(3)]
    assert taken[:3] == [1, 2, 3]
    # A run that was killed has taken its whole block.
    taken += [IdSequence(path).take() for _ in range(3)]
    assert len(set(taken)) == len(taken)


@pytest.mark.parametrize("content", [b"", b"x", b"-3", b"\xff", b"1.5"])
def test_a_file_that_is_none_is_one_clear_line(folder: Path, content: bytes) -> None:
    (folder / "next-number").write_bytes(content)
    with pytest.raises(FacestreamError, match="must hold the next free number") as caught:
        IdSequence(folder / "next-number").take()
    assert "\n" not in str(caught.value)


def test_a_file_that_was_deleted_repeats_no_number_that_is_known(folder: Path) -> None:
    path = folder / "next-number"
    numbers = IdSequence(path)
    numbers.begin_after(3 * BLOCK + 5)
    assert numbers.take() == 3 * BLOCK + 6
    numbers.begin_after(17)
    assert numbers.take() == 3 * BLOCK + 7
    numbers.begin_after(3 * BLOCK + 40)
    assert numbers.take() == 3 * BLOCK + 41
    assert IdSequence(path).take() == 4 * BLOCK + 6
