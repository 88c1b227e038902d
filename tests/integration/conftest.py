"""Fixtures of the tests with real processes."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamer.capture.demo import Actor, collins_bgr, hopper_bgr, write_clip
from tests.integration.harness import Pipeline
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
def clip() -> Iterator[Path]:
    """Eight seconds of both people, moving and scaling, side by side."""
    home = Path(tempfile.mkdtemp(prefix="fs-"))
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
    write_clip(home / "two.mp4", cast, 8.0, fps=15)
    yield home / "two.mp4"
    shutil.rmtree(home)
