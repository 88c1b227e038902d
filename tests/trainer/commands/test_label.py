from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from streamer.capture.demo import Actor, collins_bgr, hopper_bgr, write_clip
from streamer.commands.app import load_app
from streamer.vision.files import read_image
from trainer.truth.file import read_truth

CONFIG = """\
[cameras.door]
source = "nowhere.mp4"
[embed]
runtime = "onnxruntime"
precision = "float32"
"""
CAST = [
    Actor(
        portrait_bgr=portrait,
        enter_s=-2.0,
        leave_s=20.0,
        centre=(x, 340),
        swing=(40, 20),
        side=(280, 300),
    )
    for portrait, x in ((collins_bgr(), 360), (hopper_bgr(), 920))
]


def facestream(*arguments: str) -> Result:
    return CliRunner().invoke(load_app(), arguments)


def test_from_a_clip_to_its_truth(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "config.toml").write_text(CONFIG)
    write_clip(folder / "clip.mp4", CAST, 1.2, 10)
    done = facestream("label", "clip.mp4", "--every", "2")
    assert done.exit_code == 0, done.exception
    made = folder / "clip.mp4.label"
    draft = read_truth(made / "draft.json")
    assert {track.person for track in draft.tracks} == {"person-1", "person-2"}
    assert draft.duration_ms == 1200
    for track in draft.tracks:
        assert track.end_ms - track.start_ms > 800
    sheet = read_image(made / "sheet-1.jpg")
    assert sheet is not None
    assert sheet.shape[1] > 1000

    again = facestream("label", "clip.mp4")
    assert "holds a draft already" in str(again.exception)
    names = made / "names.toml"
    unnamed = facestream("label", "clip.mp4", "--names", str(names))
    assert f"{names}: person-1 (track 1) has no name yet" in str(unnamed.exception)

    text = names.read_text()
    text = text.replace('person-1 = ""', 'person-1 = "Eileen Collins"')
    names.write_text(text.replace('person-2 = ""', 'person-2 = "stranger"'))
    arguments = ["--names", str(names), "--truth", "truth.json", "--source", "made here"]
    done = facestream("label", "clip.mp4", *arguments)
    assert done.exit_code == 0, done.exception
    truth = read_truth(folder / "truth.json")
    assert truth.known() == ("Eileen Collins",)
    assert {track.person for track in truth.tracks} == {"Eileen Collins", "stranger-2"}
    assert truth.source == "made here"


def test_a_clip_without_a_face(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "config.toml").write_text(CONFIG)
    write_clip(folder / "wall.mp4", [], 0.3, 10)
    assert "wall.mp4: no face was found" in str(facestream("label", "wall.mp4").exception)
    assert "absent.mp4: no such clip" in str(facestream("label", "absent.mp4").exception)
    assert not (folder / "wall.mp4.label").exists()
