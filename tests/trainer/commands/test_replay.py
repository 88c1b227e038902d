from pathlib import Path

import pytest
from typer.testing import CliRunner

from streamer.capture.demo import background, write_clip
from streamer.commands.app import load_app
from streamer.config.loading import load_config
from streamer.errors import FacestreamError
from streamer.pipeline import process_specs
from streamer.vision.images import encode_image
from trainer.replay.setting import replay_setting
from trainer.replay.story import clock, figure_text, visits
from trainer.truth.keys import Key
from trainer.truth.said import Claim, SaidTrack
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery

CONFIG = '[cameras.door]\nsource = "nowhere.mp4"\n'


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["absent.mp4"], "absent.mp4: no such clip"),
        (["text.mp4"], "text.mp4: cannot be opened as video"),
        (["wall.png"], "wall.png: is a picture, and must be a clip"),
        (["clip.mp4", "--truth", "absent.json"], "absent.json: cannot be read"),
        (["clip.mp4", "--truth", "bad.json"], "bad.json: must be a truth file"),
        (["clip.mp4", "--page", "page.html"], "--page needs --truth"),
        (["clip.mp4", "--truth", "t.json", "--page", "page.pdf"], "--page must name a .html file"),
        (["clip.mp4"], "nobody is enrolled"),
    ],
)
def test_what_cannot_be_replayed_is_one_line(
    arguments: list[str], why: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "config.toml").write_text(CONFIG)
    (folder / "text.mp4").write_text("no clip")
    (folder / "bad.json").write_text("{}")
    (folder / "wall.png").write_bytes(encode_image(background(320, 240), ".png"))
    write_clip(folder / "clip.mp4", [], 0.2, 10)
    result = CliRunner().invoke(load_app(), ["replay", *arguments])
    assert isinstance(result.exception, FacestreamError)
    assert why in str(result.exception)
    assert len(str(result.exception).splitlines()) == 1
    assert not (folder / "var").exists()


def test_a_camera_that_is_not_there(
    enrolled: tuple[GalleryStore, Gallery], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "config.toml").write_text(f'data_dir = "."\n{CONFIG}')
    write_clip(folder / "clip.mp4", [], 0.2, 10)
    result = CliRunner().invoke(load_app(), ["replay", "clip.mp4", "--camera", "yard"])
    assert "no camera 'yard'. Cameras: door" in str(result.exception)


@pytest.mark.parametrize("keep", [False, True])
def test_nothing_is_written_down_but_to_know_strangers_again(keep: bool, folder: Path) -> None:
    path = folder / "config.toml"
    sections = "[history]\nstrangers = true\nsnapshots = true\n[strangers]\nkeep = "
    mqtt = '[mqtt]\nbroker = "localhost"\n'
    path.write_text(f"{CONFIG}{sections}{str(keep).lower()}\n{mqtt}")
    with replay_setting(load_config(path), folder / "clip.mp4", fast=True) as setting:
        assert (setting.history.enabled, setting.strangers.keep) == (keep, keep)
        assert not setting.history.strangers
        assert not setting.history.snapshots
        names = [spec.name for spec in process_specs(setting, {"replay": 0})]
        assert ("history" in names) is keep
        assert "mqtt" not in names
    assert "mqtt" in [spec.name for spec in process_specs(load_config(path), {"door": 0})]


def test_visits_are_told_in_order_and_anew_with_each_name() -> None:
    assert visits([SaidTrack("empty")]) == []
    keys = [Key(100, 0, 0, 9, 9), Key(5000, 0, 0, 9, 9)]
    renamed = SaidTrack(
        "a",
        keys,
        [
            Claim(300, None, "unknown-1"),
            Claim(400, None, "unknown-1"),
            Claim(900, "Ada"),
            Claim(950, "Ada"),
        ],
    )
    told = visits([renamed, SaidTrack("b", keys, [Claim(200, "Bob")])])
    assert [(visit.name, visit.start_ms, visit.end_ms) for visit in told] == [
        ("Bob", 200, 5000),
        ("unknown-1", 300, 900),
        ("Ada", 900, 5000),
    ]
    assert told[1].as_json() == {
        "identity": None,
        "stranger": "unknown-1",
        "from_s": 0.3,
        "to_s": 0.9,
        "track": "a",
    }


def test_figures_for_people() -> None:
    assert figure_text(None, "%") == "-"
    assert figure_text(0.12345, "%") == "12.3 %"
    assert figure_text(0.5, "s") == "0.50 s"
    assert figure_text(2, "") == "2.00"
    assert figure_text(68.54, "ms") == "68.5 ms"
    assert figure_text(1234.5, "ms") == "1234 ms"
    assert [clock(ms) for ms in (0, 949, 61_000, 3_600_050)] == [
        "0:00.0",
        "0:00.9",
        "1:01.0",
        "60:00.0",
    ]
