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
        Actor(collins_bgr(), -2.0, 7.5, (360, 340), (110, 50), (280, 360)),
        Actor(hopper_bgr(), 1.0, 20.0, (920, 350), (110, 60), (280, 340), 1.5, 5.0),
    ]
    write_clip(home / "two.mp4", cast, 8.0, fps=15)
    yield home / "two.mp4"
    shutil.rmtree(home)
