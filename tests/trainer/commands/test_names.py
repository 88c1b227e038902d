"""`rename`, `merge`, `consent`, in this process, as no pipeline runs."""

import shutil
from pathlib import Path

import pytest

from streamer.errors import FacestreamError
from tests.trainer.commands.test_strangers import COLLINS, CONFIG, HOPPER, facestream, names
from workers.gallery.notes import read_notes
from workers.gallery.store import GalleryStore


@pytest.fixture
def data(both_enrolled: Path, folder: Path) -> Path:
    """A data folder with both people, and a config beside it."""
    shutil.copytree(both_enrolled, folder / "var" / "gallery")
    (folder / "config.toml").write_text(CONFIG)
    return folder / "var"


def test_people_are_renamed_merged_and_noted_without_a_pipeline(data: Path) -> None:
    assert "in 0 visits, too" in facestream(data, "rename", COLLINS, "Eileen")
    assert names(data) == ("Eileen", HOPPER)
    said = facestream(data, "consent", "Eileen", "--note", "she signed", "--expires", "2199-01-02")
    assert "until 2199-01-02T00:00:00Z" in said
    assert "2199-01-02" in facestream(data, "people")
    assert "Eileen is Grace Hopper" in facestream(data, "merge", "Eileen", HOPPER)
    assert names(data) == (HOPPER,)
    notes = read_notes(GalleryStore(data / "gallery").folder)
    assert notes[HOPPER].consent == "she signed"
    assert [each.name for each in notes[HOPPER].formerly] == [COLLINS, "Eileen"]
    facestream(data, "consent", HOPPER, "--expires", "2w")
    assert read_notes(data / "gallery")[HOPPER].expires is not None
    facestream(data, "forget", HOPPER)
    left = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    assert [name for name in (COLLINS, "Eileen", HOPPER) if name.encode() in left] == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["rename", "Nobody", "A"], "'Nobody' is not enrolled"),
        (["rename", COLLINS, HOPPER], "is enrolled, too"),
        (["merge", COLLINS, COLLINS], "must be another than"),
        (["consent", COLLINS, "--expires", "soon"], "must be a time such as"),
        (["consent", COLLINS, "--expires", "999y"], "within 100 years"),
    ],
)
def test_what_cannot_be_done_is_said(data: Path, arguments: list[str], why: str) -> None:
    with pytest.raises(FacestreamError, match=why):
        facestream(data, *arguments)
    assert names(data) == (COLLINS, HOPPER)
