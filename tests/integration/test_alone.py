"""A role run by hand: what it writes, with nobody between it and the terminal."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.harness import GENEROUS_S

SECRET = "s3cret"  # noqa: S105 - made up
URLS = [
    "rtsp://guard:s3cret@127.0.0.1:9/face",
    "http://127.0.0.1:9/clip.mp4?user=guard&password=s3cret",
]
# The reader's thread meets what it does not expect, with the URL in the message.
BROKEN = """
import streamer.capture.process as process
from streamer.cli import main

def broken(source, *_):
    raise LookupError(f"no codec for {source}")

process.open_source = broken
main()
"""


@pytest.mark.parametrize("url", URLS)
def test_a_camera_that_does_not_open_is_told_without_its_password(folder: Path, url: str) -> None:
    (folder / "config.toml").write_text(f'[cameras.door]\nsource = "{url}"\n')
    output = folder / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamer.cli", "capture", "door"],
            stdout=file,
            stderr=file,
            cwd=folder,
            # Whoever asks FFmpeg for more gets no password either.
            env={"OPENCV_FFMPEG_LOGLEVEL": "48", "OPENCV_LOG_LEVEL": "DEBUG", "PATH": "/usr/bin"},
        )
    try:
        until = time.monotonic() + GENEROUS_S
        while "cannot be opened" not in output.read_text() and time.monotonic() < until:
            assert process.poll() is None, output.read_text()
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait()
    written = output.read_text()
    assert "***" in written
    assert SECRET not in written
    assert "guard" not in written
    assert all(" capture door: " in line for line in written.splitlines()), written


def test_an_unexpected_exception_is_told_without_the_password_and_is_no_good_end(
    folder: Path,
) -> None:
    (folder / "config.toml").write_text(f'[cameras.door]\nsource = "{URLS[0]}"\n')
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, "capture", "door"],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=GENEROUS_S,
        check=False,
    )
    assert done.returncode == 1
    assert "LookupError: no codec for rtsp://***@127.0.0.1:9/face" in done.stderr
    assert "Traceback" in done.stderr
    assert SECRET not in done.stderr
