"""Fixtures of the web process's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.streamer.web.serving import Served, served, web_config


@pytest.fixture
def web(folder: Path) -> Iterator[Served]:
    """A web process without a token, on loopback."""
    with served(web_config(folder)) as here:
        yield here
