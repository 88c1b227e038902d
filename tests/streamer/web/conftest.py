"""Fixtures of the web process's tests."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from tests.streamer.web.serving import Served, served, web_config
from tests.trainer.control.running import serving, with_this
from workers.embedding.embedder import Embedder


@pytest.fixture
def web(folder: Path) -> Iterator[Served]:
    """A web process without a token, on loopback."""
    with served(web_config(folder)) as here:
        yield here


@pytest.fixture
def with_people(folder: Path, both_enrolled: Path, embedder: Embedder) -> Iterator[Served]:
    """A web process beside a control service, with two people."""
    copytree(both_enrolled, folder / "var" / "gallery")
    config = web_config(folder)
    with served(config) as here, serving(config, with_this(embedder)):
        yield here
