"""`facestream train distil` as a user runs it, with a teacher that is a mean of colours."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from streamer.capture.demo import collins_bgr, hopper_bgr
from streamer.commands.app import load_app
from streamer.errors import FacestreamError
from streamer.vision.images import encode_image
from workers.network.weights_file import load_weights

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from tests.trainer.teachers.tiny import write_tiny_teacher


@pytest.fixture
def home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a teacher and photos of two: some of one of them lie elsewhere, too."""
    write_tiny_teacher(folder, part=8)
    rng = np.random.default_rng(0)
    people = {"Eileen": (collins_bgr(), 6), "Grace": (hopper_bgr(), 6)}
    for name, (portrait, count) in people.items():
        for number in range(count):
            noisy = np.clip(portrait + rng.normal(0, 3, portrait.shape), 0, 255).astype(np.uint8)
            for place in ["photos", "kept"][: 2 if number == 0 else 1]:
                own = folder / place / (name if place == "photos" else f"{name} H.")
                own.mkdir(parents=True, exist_ok=True)
                (own / f"{number}.png").write_bytes(encode_image(noisy, ".png"))
    monkeypatch.chdir(folder)
    yield folder


def distil(*arguments: str) -> str:
    """Run the command in this process; what it says."""
    done = CliRunner().invoke(load_app(), ["train", "distil", "photos", *arguments])
    if done.exception is not None:
        raise done.exception
    return done.output


def test_from_photos_to_weights_stopped_on_the_way(
    home: Path, request: pytest.FixtureRequest
) -> None:
    command = ("--teacher", "means.toml", "--crops", "level", "--batch", "4", "--out", "w.npz")
    said = distil(*command, "--epochs", "1", "--minutes", "0")
    assert "12 faces in 12 photos" in said
    assert "stopped at step 1 of 3" in said
    assert load_weights(home / "w.npz").alignment == "level"
    request.getfixturevalue("step_by_step")  # the graph was built once
    assert "done; w.npz" in distil(*command, "--epochs", "1")
    weights = load_weights(home / "w.npz")
    assert '"teachers": ["means.toml=1"]' in weights.recipe
    assert len((home / "w.work" / "log.jsonl").read_text().splitlines()) >= 2
    assert (home / "w.work" / "log.png").is_file()
    with pytest.raises(FacestreamError, match="other photos or settings"):
        distil("--teacher", "means.toml", "--batch", "4", "--out", "w.npz")


def test_people_are_left_out_by_name_and_by_likeness(home: Path) -> None:
    command = ("--teacher", "means.toml", "--batch", "99", "--out", "w.npz")
    with pytest.raises(FacestreamError, match="with a face: 0"):
        distil(*command, "--unlike", "kept")
    (home / "kept" / "Eileen H.").rename(home / "kept" / "Eileen")
    with pytest.raises(FacestreamError, match="with a face: 0"):
        distil(*command, "--unlike", "kept")
    assert "Eileen" not in (home / "w.work" / "faces" / "faceless.txt").read_text()
    (home / "kept" / "Grace H.").rename(home / "kept" / "Grace")
    with pytest.raises(FacestreamError, match="every photo is of somebody who is left out"):
        distil(*command, "--unlike", "kept")


def test_folds_of_whose_people_there_is_no_photo_are_said(home: Path) -> None:
    (home / "pairs.txt").write_text("2 1\nAda 1 2\nAda 1 Bob 3\nCy 4 5\nCy 4 Di 6\n")
    command = ("--teacher", "means.toml", "--pairs", "pairs.txt", "--batch", "13", "--out", "w.npz")
    done = CliRunner().invoke(load_app(), ["train", "distil", "photos", *command])
    assert "nobody can be left out by likeness" in done.output
    assert "12 faces in 12 photos" in done.output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--crops", "round"], "--crops must be square or level"),
        (["--freeze", "6a"], "--freeze must be one of 3a, 3b"),
        (["--freeze", "3b"], "name weights to start with"),
        (["--views", "0.5"], "--views needs --crops level"),
        (["--teacher", "resnet"], "--teacher must be dlib, or a file"),
        (["--teacher", "means.toml=0"], "a share must be a number above 0"),
        (["--teacher", "none.toml"], "none.toml: cannot be read"),
        (["--teacher", "means.toml", "--unlike", "none"], "none: a dataset must be a folder"),
        (["--teacher", "means.toml", "--start", "none.npz"], "none.npz: weights cannot be read"),
        (["--teacher", "means.toml", "--batch", "13"], "at least 13 photos with a face: 12"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(home: Path, arguments: list[str], why: str) -> None:
    with pytest.raises(FacestreamError) as caught:
        distil(*arguments, "--out", "w.npz")
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (home / "w.npz").exists()
