from pathlib import Path

import numpy as np
import pytest

from streamer.capture.demo import actors, write_clip
from streamer.capture.sources import is_live, open_source
from streamer.errors import SourceError
from streamer.runtime.redact import redact
from streamer.vision.images import encode_image


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("rtsp://cam/stream", "rtsp://cam/stream"),
        ("rtsp://me:pa@cam/stream", "rtsp://***@cam/stream"),
        ("open rtsp://me:p@ss@cam/a failed", "open rtsp://***@cam/a failed"),
        ("rtsp://me:pa/ss@cam/a", "rtsp://***@cam/a"),
        ("http://cam/x?user=me&password=secret&w=3", "http://cam/x?user=***&password=***&w=3"),
        ("http://cam/x?token=abc http://a:b@c/", "http://cam/x?token=*** http://***@c/"),
    ],
)
def test_credentials_are_taken_out(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (0, True),
        ("/dev/video2", True),
        ("rtsp://x", True),
        ("HTTP://x", True),
        ("a.mp4", False),
        ("file:///a.mp4", False),
        ("FILE:///a.mp4", False),
    ],
)
def test_what_is_live(source: str | int, expected: bool) -> None:
    assert is_live(source) is expected


def test_a_clip_is_read_to_its_end_with_its_own_times(folder: Path) -> None:
    write_clip(folder / "clip.mp4", actors(), 0.5, fps=20)
    source = open_source("clip.mp4", folder)
    times = []
    while picture := source.read():
        assert picture.image_bgr.shape == (720, 1280, 3)
        times.append(picture.media_ms)
    source.close()
    assert times == [pytest.approx(50.0 * index) for index in range(10)]
    assert not source.live


def test_a_looping_clip_goes_on_and_its_time_too(folder: Path) -> None:
    write_clip(folder / "clip.mp4", [], 0.2, fps=10)
    source = open_source("clip.mp4", folder, loop=True)
    pictures = [source.read() for _ in range(5)]
    source.close()
    assert [p.media_ms for p in pictures if p] == [0.0, 100.0, 200.0, 300.0, 400.0]


def test_a_file_by_its_url_is_a_recording(folder: Path) -> None:
    write_clip(folder / "a clip.mp4", [], 0.2, fps=10)
    source = open_source(f"file://{folder}/a%20clip.mp4", Path("/elsewhere"))
    assert not source.live
    assert [source.read() is None for _ in range(3)] == [False, False, True]
    source.close()


def test_a_looping_folder_goes_on_and_its_time_too(folder: Path) -> None:
    for number, name in enumerate(("a.png", "b.png")):
        (folder / name).write_bytes(encode_image(np.full((20, 30, 3), number, np.uint8), ".png"))
    source = open_source(str(folder), folder, loop=True)
    pictures = [source.read() for _ in range(25)]
    source.close()
    assert [int(p.image_bgr[0, 0, 0]) for p in pictures if p and p.cut] == [0, 1, 0, 1, 0]
    assert [p.media_ms for p in pictures if p] == [200.0 * index for index in range(25)]


def test_a_looping_folder_whose_pictures_all_broke_ends(folder: Path) -> None:
    (folder / "a.png").write_bytes(encode_image(np.zeros((20, 30, 3), np.uint8), ".png"))
    source = open_source(str(folder), folder, loop=True)
    assert [source.read() is not None for _ in range(5)] == [True] * 5
    (folder / "a.png").write_bytes(b"no picture")
    assert source.read() is None
    source.close()


def test_a_folder_gives_its_pictures_by_name_and_skips_what_is_none(folder: Path) -> None:
    for number, name in enumerate(("b.png", "a.png", "d.PNG")):
        (folder / name).write_bytes(encode_image(np.full((20, 30, 3), number, np.uint8), ".png"))
    (folder / "c.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("x")
    source = open_source(".", folder)
    values = []
    while picture := source.read():
        values.append((int(picture.image_bgr[0, 0, 0]), picture.cut))
    assert [value for value, cut in values if cut] == [1, 0, 2]
    assert [value for value, _ in values] == [1] * 5 + [0] * 5 + [2] * 5


@pytest.mark.parametrize("name", ["nothing.mp4", "empty", "noise.mp4", "/dev/video77"])
def test_what_cannot_be_opened_is_a_source_error(folder: Path, name: str) -> None:
    (folder / "empty").mkdir()
    (folder / "noise.mp4").write_bytes(b"\0" * 1000)
    with pytest.raises(SourceError):
        open_source(name, folder)
