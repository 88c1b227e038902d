"""`facestream train landmarks` as a user runs it; its teacher knows the mean shape alone."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from streamer.commands.app import load_app
from streamer.errors import FacestreamError
from streamer.vision.align import MEAN_SHAPE
from streamer.vision.landmarks import LandmarkFinder
from trainer.landmarks import points_teacher
from trainer.teachers.contexts import CONTEXT_SIZE, SQUARE_SIDE

pytest.importorskip("onnx")


def landmarks(photos: Path, *arguments: str) -> str:
    """Run the command in this process; what it says."""
    done = CliRunner().invoke(load_app(), ["train", "landmarks", str(photos), *arguments])
    if done.exception is not None:
        raise done.exception
    return done.output


def test_from_photos_to_a_network_that_opencv_reads(
    portraits: dict[str, Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = MEAN_SHAPE * SQUARE_SIDE + CONTEXT_SIZE / 2 - 0.5
    monkeypatch.setattr(points_teacher, "load_points_teacher", lambda: lambda context: points)
    photos, out = next(iter(portraits.values())).parent, folder / "made.onnx"
    command = ("--steps", "2", "--batch", "8", "--out", str(out))
    assert "from 2 faces" in landmarks(photos, *command)
    LandmarkFinder(out)
    assert "from 2 faces" in landmarks(photos, *command)  # nothing is left to do
    with pytest.raises(FacestreamError, match="other photos or settings"):
        landmarks(photos, "--steps", "3", "--batch", "8", "--out", str(out))


def test_a_folder_without_faces_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points_teacher, "load_points_teacher", lambda: lambda context: MEAN_SHAPE)
    (folder / "photos").mkdir()
    (folder / "photos" / "none.png").write_bytes(b"no picture")
    with pytest.raises(FacestreamError, match="no face was found in 1 photos"):
        landmarks(folder / "photos", "--out", str(folder / "made.onnx"))
