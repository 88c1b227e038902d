import stat
import tomllib
from pathlib import Path

from typer.testing import CliRunner

from streamer.commands.app import load_app
from streamer.config.loading import load_config
from streamer.errors import ConfigError

ROOT = Path(__file__).parents[2]


def test_a_config_is_written_once(folder: Path) -> None:
    path = folder / "config.toml"
    done = CliRunner().invoke(load_app(), ["--config", str(path), "init"])
    assert done.exit_code == 0
    assert path.read_bytes() == (ROOT / "config.toml").read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(load_config(path).cameras) == ["demo"]
    path.write_text("mine")
    done = CliRunner().invoke(load_app(), ["--config", str(path), "init"])
    assert isinstance(done.exception, ConfigError)
    assert "is there already" in str(done.exception)
    assert path.read_text() == "mine"


def test_a_folder_that_is_not_there_is_a_line(folder: Path) -> None:
    done = CliRunner().invoke(load_app(), ["--config", str(folder / "no" / "c.toml"), "init"])
    assert isinstance(done.exception, ConfigError)
    assert "cannot be written: No such file or directory" in str(done.exception)


def test_what_the_image_is_built_of_is_let_through() -> None:
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    for pattern in packages["packages"]["find"]["include"]:
        assert f"!{pattern.rstrip('*')}" in allowed
