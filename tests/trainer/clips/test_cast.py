from pathlib import Path

import numpy as np
import pytest

from streamer.errors import DatasetError
from streamer.vision.files import read_image
from streamer.vision.images import encode_image
from tests.trainer.clips.album import EILEEN, GRACE, copied, write_album
from trainer.clips.cast import Player, Wanted, choose_players


def chosen(root: Path, seed: int = 0, known: int = 1, strangers: int = 1) -> list[Player]:
    wanted = Wanted(known=known, strangers=strangers, enrol_photos=1)
    return choose_players(root, wanted, np.random.default_rng(seed))


def test_a_folder_without_people_is_refused(folder: Path) -> None:
    with pytest.raises(DatasetError, match="must be a folder"):
        chosen(folder / "nowhere")
    with pytest.raises(DatasetError, match="has no folder with photos"):
        chosen(folder)


def test_photos_to_enrol_from_are_not_shown_and_all_hangs_on_the_seed(folder: Path) -> None:
    known, stranger = chosen(write_album(folder))
    assert (known.known, stranger.known) == (True, False)
    assert {known.name, stranger.name} == {EILEEN, GRACE}
    shown = {photo.path for photo in known.shown}
    assert len(known.enrolled_from) == 1
    assert len(shown) == 3
    assert shown.isdisjoint(known.enrolled_from)
    assert len(stranger.shown) == 4

    def paths(seed: int) -> list[tuple[str, tuple[Path, ...], list[Path]]]:
        players = chosen(folder, seed)
        return [(p.name, p.enrolled_from, [photo.path for photo in p.shown]) for p in players]

    assert paths(0) == paths(0)
    assert len({str(paths(seed)) for seed in range(4)}) > 1


def test_another_copy_of_an_enrolled_photo_is_not_shown_either(folder: Path) -> None:
    write_album(folder)
    for path in sorted(folder.rglob("*.png")):
        picture = read_image(path)
        assert picture is not None
        path.with_suffix(".jpg").write_bytes(encode_image(copied(picture), ".jpg"))
    (known,) = chosen(folder, known=1, strangers=0)
    stems = {photo.path.stem for photo in known.shown}
    assert len(known.shown) == len(stems) == 3
    assert known.enrolled_from[0].stem not in stems


def test_too_few_people_are_told_in_one_line(folder: Path) -> None:
    write_album(folder)
    with pytest.raises(DatasetError, match=r"must have 3 people with 2 photos.*Received: 2"):
        chosen(folder, known=3)
    with pytest.raises(DatasetError, match=r"2 people besides the known. Received: 1"):
        chosen(folder, strangers=2)
    only = {GRACE}
    wanted = Wanted(known=1, strangers=0, enrol_photos=1)
    (player,) = choose_players(folder, wanted, np.random.default_rng(0), only)
    assert player.name == GRACE
