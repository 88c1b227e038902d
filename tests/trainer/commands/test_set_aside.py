from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from streamer.commands.app import load_app
from streamer.errors import FacestreamError
from streamer.vision.files import read_image
from workers.gallery.aside import AsideCrop
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery

NAME = "Eileen Collins"


@pytest.fixture
def data(folder: Path, enrolled: tuple[GalleryStore, Gallery]) -> Path:
    """A gallery in which a crop of hers, which is nearly the one enrolled, is set aside."""
    store, gallery = enrolled
    aside = gallery.people.aside.with_crop(
        np.clip(gallery.people.crops_rgb[0].astype(int) + 9, 0, 255).astype(np.uint8),
        person=NAME,
        why="close",
        other="Grace Hopper",
        source="holiday/7.jpg",
        since_utc="2026-01-02T03:04:05.678Z",
    )
    with store.lock():
        people = replace(gallery.people, aside=aside)
        store.activate(store.add(replace(gallery, people=people), 3))
    text = '[cameras.door]\nsource = "demo"\n'
    text += '[embed]\nruntime = "tensorflow"\nprecision = "float32"\n'
    (folder / "config.toml").write_text('data_dir = "."\n' + text)
    return folder


def facestream(data: Path, *arguments: str) -> str:
    done = CliRunner().invoke(load_app(), ["--config", str(data / "config.toml"), *arguments])
    if done.exception is not None:
        raise done.exception
    return " ".join(done.output.split())


def row_of(data: Path) -> AsideCrop:
    gallery = GalleryStore(data / "gallery").read()
    assert gallery is not None
    (row,) = gallery.people.aside.rows
    return row


def test_it_is_listed_and_drawn_and_goes_back_for_good(data: Path) -> None:
    row = row_of(data)
    said = facestream(data, "set-aside")
    assert all(text in said for text in (NAME, row.id, "holiday/7.jpg", "2026-01-02 03:04"))
    assert "nothing of Grace Hopper is set aside" in facestream(data, "set-aside", "Grace Hopper")
    assert row.id in facestream(data, "set-aside", NAME, "--sheet", str(data / "sheet.jpg"))
    sheet = read_image(data / "sheet.jpg")
    assert sheet is not None
    assert sheet.shape[1] > 500
    assert "1 crops are back; gallery 000004" in facestream(data, "put-back", NAME, row.id)
    gallery = GalleryStore(data / "gallery").read()
    assert gallery is not None
    people = gallery.people
    assert people.aside.rows == ()
    assert people.sources[-1] == "holiday/7.jpg"
    assert people.vouched.tolist() == [False, False, True]
    near = people.embeddings[0] @ people.embeddings[2]
    assert near > people.embeddings[1] @ people.embeddings[2]
    assert "nothing is set aside" in facestream(data, "set-aside")
    assert "000005" in facestream(data, "rebuild")
    rebuilt = GalleryStore(data / "gallery").read()
    assert rebuilt is not None
    assert rebuilt.people.sources == people.sources


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["set-aside", "Nobody"], "'Nobody' is not enrolled"),
        (["set-aside", NAME, "--sheet", "none/x.jpg"], "--sheet must name a .jpg file"),
        (["set-aside", NAME, "--sheet", "x.txt"], "--sheet must name a .jpg file"),
        (["put-back", "Nobody", "x"], "'Nobody' is not enrolled"),
        (["put-back", NAME, "zzz"], "no crop 'zzz' is set aside. There are: "),
        (["put-back", "Grace Hopper", "all"], "nothing of Grace Hopper is set aside"),
    ],
)
def test_what_cannot_be_is_a_line(data: Path, arguments: list[str], fault: str) -> None:
    with pytest.raises(FacestreamError, match=fault) as caught:
        facestream(data, *arguments)
    assert "\n" not in str(caught.value)
    assert GalleryStore(data / "gallery").current_version() == "000003"
