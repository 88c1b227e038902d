"""Fixtures of the control service's tests."""

import shutil
from pathlib import Path

import pytest

from streamer.config.sections import Config
from tests.trainer.control.running import config_in
from workers.gallery.store import GalleryStore


@pytest.fixture
def config(folder: Path, both_enrolled: Path) -> Config:
    """Eileen Collins and Grace Hopper are enrolled where this config looks for them."""
    shutil.copytree(both_enrolled, folder / "var" / "gallery")
    return config_in(folder)


@pytest.fixture
def store(config: Config) -> GalleryStore:
    return GalleryStore(config.gallery_path)
