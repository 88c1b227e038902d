import json
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamer.vision.align import SHIPPED_ALIGNMENT
from trainer.enrolment.realign import realigned
from workers.gallery.people import People
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery


def test_nobody_needs_no_crops_cut_anew() -> None:
    assert realigned(People.nobody(), "level").alignment == "level"


def test_enrolled_squares_are_levelled_for_a_network_that_wants_it(
    enrolled: tuple[GalleryStore, Gallery],
) -> None:
    people = replace(enrolled[1].people, alignment="square")
    level = realigned(people, "level")
    assert level.alignment == "level"
    assert level.crops_rgb.shape == people.crops_rgb.shape
    assert (level.crops_rgb != people.crops_rgb).any(axis=(1, 2, 3)).all()
    back = realigned(level, "square")
    assert back.alignment == "square"
    assert np.array_equal(back.crops_rgb, level.crops_rgb)


def test_a_version_knows_how_its_crops_were_cut(
    enrolled: tuple[GalleryStore, Gallery], hopper: NDArray[np.uint8]
) -> None:
    store, gallery = enrolled
    manifest = store.folder / "versions" / gallery.version / "manifest.json"
    assert json.loads(manifest.read_text())["alignment"] == SHIPPED_ALIGNMENT
    again = store.read()
    assert again is not None
    assert again.people.alignment == SHIPPED_ALIGNMENT
    fewer = again.people.without_person("Grace Hopper")
    assert fewer.alignment == again.people.alignment
