import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.capture.demo import Actor, background, write_clip
from streamer.config.loading import load_config
from streamer.config.sections import Config
from streamer.errors import DatasetError
from streamer.view.annotate import KNOWN_BGR
from streamer.vision.files import read_image
from streamer.vision.images import encode_image
from trainer.offline.identify_files import FileIdentifier, identify_files, plan_files
from workers.classifier.impostors import Impostors
from workers.embedding.embedder import Embedder
from workers.gallery.store import GalleryStore
from workers.gallery.version import Gallery
from workers.identity.face import Likeness


@pytest.fixture
def config(folder: Path) -> Config:
    (folder / "config.toml").write_text('[cameras.a]\nsource = "demo"\n')
    return load_config(folder / "config.toml")


@pytest.fixture
def media(folder: Path, portraits: dict[str, Path], hopper: NDArray[np.uint8]) -> Path:
    """The same file name in two folders, a wall, a torn picture and a clip."""
    root = folder / "media"
    for name, path in portraits.items():
        (root / name).mkdir(parents=True)
        (root / name / "photo.png").write_bytes(path.read_bytes())
    wall = np.ascontiguousarray(background()[:300, :300])
    (root / "wall.png").write_bytes(encode_image(wall, ".png"))
    (root / "torn.jpg").write_bytes(b"\xff\xd8 nothing")
    (root / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    close = np.ascontiguousarray(hopper[93:310, 94:270])
    (root / "close.png").write_bytes(encode_image(close, ".png"))
    actor = Actor(
        portrait_bgr=hopper,
        enter_s=-5,
        leave_s=20,
        centre=(640, 350),
        swing=(60, 20),
        side=(300, 320),
    )
    write_clip(root / "clip.mp4", [actor], 2, fps=10)
    return root


def test_paths_that_hold_nothing_are_refused(folder: Path) -> None:
    with pytest.raises(DatasetError, match="must be a picture"):
        plan_files([folder])
    with pytest.raises(DatasetError, match="must be a picture"):
        plan_files([folder / "none.jpg"])


def test_files_of_one_name_get_places_of_their_own(folder: Path) -> None:
    for place in ("a", "b"):
        (folder / place).mkdir()
        (folder / place / "x.png").write_bytes(b"")
    plan = plan_files([folder / "a" / "x.png", folder / "b" / "x.png", folder / "a"])
    assert [str(place) for place in plan.values()] == ["x.png", "x-2.png"]
    assert len(set(plan_files([folder]).values())) == 2


def test_everything_is_named_drawn_and_written_down(
    config: Config,
    enrolled: tuple[GalleryStore, Gallery],
    embedder: Embedder,
    impostors: Impostors,
    media: Path,
    folder: Path,
) -> None:
    out = folder / "out"
    identifier = FileIdentifier(config, embedder, enrolled[1], Likeness.of(impostors), out)
    plan = plan_files([media])
    rows = identify_files(plan, identifier, out, "run", lambda: None)
    found = {(Path(row.file).relative_to(media).as_posix(), row.outcome): row for row in rows}
    assert set(found) == {
        ("Eileen Collins/photo.png", "named"),
        ("Grace Hopper/photo.png", "named"),
        ("clip.mp4", "named"),
        ("wall.png", "no face"),
        ("torn.jpg", "unreadable"),
        ("phone.HEIC", "unreadable"),
        ("close.png", "named"),
    }
    assert found["close.png", "named"].identity == "Grace Hopper"
    assert "is a HEIC picture" in identifier.faults[str(media / "phone.HEIC")]
    for name in ("Eileen Collins", "Grace Hopper"):
        assert found[f"{name}/photo.png", "named"].identity == name
        labelled = read_image(out / "labelled" / "media" / name / "photo.jpg")
        assert labelled is not None
        assert (np.abs(labelled.astype(int) - KNOWN_BGR).max(axis=2) < 12).sum() > 100
        assert (out / "crops" / "media" / name / "photo.png-1.png").is_file()
    clip = found["clip.mp4", "named"]
    assert clip.identity == "Grace Hopper"
    assert clip.last_s == pytest.approx(1.9, abs=0.11)
    written = cv2.VideoCapture(str(out / "labelled" / "media" / "clip.mp4"))
    assert written.get(cv2.CAP_PROP_FRAME_COUNT) == 20
    written.release()
    table = list(csv.DictReader((out / "predictions.csv").read_text().splitlines()))
    assert [row["file"] for row in table] == [row.file for row in rows]
    assert len(json.loads((out / "predictions.json").read_text())) == len(rows)
    assert not (out / "unfinished.jsonl").exists()


def test_a_stopped_run_goes_on_and_another_gallery_begins_anew(
    config: Config,
    enrolled: tuple[GalleryStore, Gallery],
    embedder: Embedder,
    impostors: Impostors,
    media: Path,
    folder: Path,
) -> None:
    out, asked = folder / "out", []

    class Counting(FileIdentifier):
        def identify(self, path: Path, place: Path) -> list:  # type: ignore[type-arg]
            asked.append(path.name)
            return super().identify(path, place)

    identifier = Counting(config, embedder, enrolled[1], Likeness.of(impostors), out)
    plan = {path: place for path, place in plan_files([media]).items() if path.suffix != ".mp4"}

    def stop() -> None:
        if len(asked) == 2:
            raise DatasetError("stopped")

    with pytest.raises(DatasetError, match="stopped"):
        identify_files(plan, identifier, out, "run", stop)
    with (out / "unfinished.jsonl").open("a") as file:
        file.write('["half')
    rows = identify_files(plan, identifier, out, "run", lambda: None)
    assert len(asked) == len(plan) == len(rows)
    with pytest.raises(DatasetError, match="stopped"):
        asked.clear()
        identify_files(plan, identifier, out, "run", stop)
    asked.clear()
    identify_files(plan, identifier, out, "another run", lambda: None)
    assert len(asked) == len(plan)
