"""What the package and its command load, and what they say where something is missing."""

import errno
import os
import subprocess
import sys

import pytest

from streamer import cli

HEAVY = ("cv2", "numpy", "scipy", "sklearn", "tensorflow", "PIL", "typer", "rich")


@pytest.mark.parametrize("module", ["streamer", "streamer.cli", "streamer.config.loading"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    program = f"import sys, {module}; print(*(m for m in {HEAVY} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_a_fault_of_our_own_imports_is_not_taken_for_a_missing_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "streamer.commands.app", None)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 1
    told = capsys.readouterr().err
    assert "ModuleNotFoundError: import of streamer.commands.app halted" in told
    assert "Install it with" not in told


def test_a_missing_package_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "streamer.commands.app", raising=False)
    monkeypatch.setitem(sys.modules, "typer", None)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == cli.BAD_INPUT
    assert capsys.readouterr().err == (
        "facestream: typer is not installed. Install it with: pip install 'facestream[run]'\n"
    )


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (errno.ENOSPC, "No space left on device; free some space, and give the same command again"),
        (errno.EROFS, "Read-only file system; it must be possible to write there"),
        (errno.EACCES, "Permission denied; give the user of this command the right to it"),
    ],
)
def test_what_the_system_refuses_is_one_line(
    refusal: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load_app() -> None:
        raise OSError(refusal, os.strerror(refusal), "var/x")

    monkeypatch.setattr("streamer.commands.app.load_app", load_app)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == cli.BAD_INPUT
    assert capsys.readouterr().err == f"facestream: var/x: {told}\n"
