"""Fixtures of the tests with real processes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamer.capture.demo import Actor, collins_bgr, hopper_bgr, write_clip
from tests.integration.harness import Pipeline
from tests.once import made_once
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery


@pytest.fixture
def pipeline(folder: Path) -> Iterator[Pipeline]:
    running = Pipeline(folder)
    yield running
    running.close()


@pytest.fixture
def gallery(enrolled: tuple[GalleryStore, Gallery], folder: Path) -> Gallery:
    """Both people enrolled where a pipeline in this folder looks for its gallery."""
    (folder / "var").mkdir()
    shutil.move(folder / "gallery", folder / "var" / "gallery")
    return enrolled[1]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of both people, moving and scaling, side by side."""
    cast = [
        Actor(
            portrait_bgr=collins_bgr(),
            enter_s=-2.0,
            leave_s=7.5,
            centre=(360, 340),
            swing=(110, 50),
            side=(280, 360),
        ),
        Actor(
            portrait_bgr=hopper_bgr(),
            enter_s=1.0,
            leave_s=20.0,
            centre=(920, 350),
            swing=(110, 60),
            side=(280, 340),
            phase=1.5,
            period_s=5.0,
        ),
    ]
    home = made_once(
        tmp_path_factory, "clip", lambda home: write_clip(home / "two.mp4", cast, 8.0, fps=15)
    )
    return home / "two.mp4"
