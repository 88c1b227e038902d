"""`unknowns`, `name`, `not`, `ignore`, `events`, `visits`, `export`: on real stores."""

import json
import shutil
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from streamer.capture.demo import collins_bgr, hopper_bgr
from streamer.commands.app import load_app
from streamer.config.sections import DetectConfig, EnrolConfig
from streamer.constants import WEBHOOKS_FILE
from streamer.errors import FacestreamError
from streamer.history.database import files_of, history_file
from streamer.history.forgetting import SHEET
from streamer.history.keeping import Kept
from streamer.history.writer import Writer
from streamer.vision.align import SHIPPED_ALIGNMENT
from streamer.vision.faces import FaceDetector
from streamer.vision.images import decode_image
from streamer.vision.quality import measure_crop
from streamer.webhooks.store import Letter, WebhookStore
from tests.streamer.history.heard import ALL, LIMITS, crops, event
from trainer.enrolment.enrol import enrol
from trainer.enrolment.harvest import harvest
from workers.classifier.fitting import ClassifierSpec
from workers.classifier.impostors import Impostors
from workers.embedding.embedder import Embedder
from workers.gallery.store import GalleryStore

CONFIG = """
[cameras.door]
source = "demo"
[embed]
runtime = "onnxruntime"
precision = "float32"
[strangers]
keep = true
[history]
snapshots = true
"""
COLLINS, HOPPER, STRANGER = "Eileen Collins", "Grace Hopper", "unknown-7"
Pictures = list[NDArray[np.uint8]]


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
    portraits: dict[str, Path],
    embedder: Embedder,
    impostors: Impostors,
) -> Path:
    """Collins is enrolled; Hopper was there twice as unknown-7, and once as Collins."""
    data = tmp_path_factory.mktemp("strangers") / "var"
    enrol(
        GalleryStore(data / "gallery"),
        {COLLINS: harvest([portraits[COLLINS]], EnrolConfig(), DetectConfig(), SHIPPED_ALIGNMENT)},
        embedder=embedder,
        impostors=impostors,
        rules=EnrolConfig(),
        spec=ClassifierSpec(),
    )
    writer = Writer(history_file(data), ALL, LIMITS)
    for track, face, who in ((1, hopper_bgr(), None), (2, hopper_bgr()[:, ::-1], None),
                             (3, hopper_bgr(), COLLINS), (4, collins_bgr(), COLLINS)):  # fmt: skip
        for crop in real_crops(track, np.ascontiguousarray(face), embedder):
            writer.take_crop(crop)
        writer.hear(event("enter", track, who, None if who else STRANGER))
        writer.hear(event("exit", track, who, None if who else STRANGER, at_s=2))
    writer.flush()
    writer.close()
    assert writer.fault == ""
    return data


@pytest.fixture
def data(made: Path, folder: Path) -> Path:
    """A copy of that, with a config beside it."""
    shutil.copytree(made, folder / "var")
    (folder / "config.toml").write_text(CONFIG)
    return folder / "var"


def real_crops(track: int, image_bgr: NDArray[np.uint8], embedder: Embedder) -> Iterator[Kept]:
    """A face in two lights, as a camera would have sent it."""
    finder = FaceDetector.of(DetectConfig())
    for kept, light in zip(crops(track, 0.9, 0.8), (1.0, 0.85), strict=True):
        lit = np.asarray(image_bgr * light, np.uint8)
        face = max(finder.detect(lit), key=lambda each: each.box.width)
        crop_rgb = measure_crop(lit, face, SHIPPED_ALIGNMENT).crop_rgb
        embedding = embedder.embed(crop_rgb[None])[0].astype("<f4").tobytes()
        yield Kept(kept.info, embedder.fingerprint, embedding, crop_rgb.tobytes())


def facestream(data: Path, *arguments: str) -> str:
    """Run a command in this process; what it says."""
    config = str(data.parent / "config.toml")
    done = CliRunner().invoke(load_app(), ["--config", config, *arguments])
    if done.exception is not None:
        raise done.exception
    return done.output


def rows(data: Path, *arguments: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in facestream(data, *arguments, "--json").splitlines()]


def names(data: Path) -> tuple[str, ...]:
    gallery = GalleryStore(data / "gallery").read()
    assert gallery is not None
    return gallery.people.names


def test_a_stranger_is_listed_named_and_known(data: Path) -> None:
    (listed,) = rows(data, "unknowns")
    assert (listed["stranger"], listed["visits"], listed["crops"]) == (STRANGER, 2, 4)
    assert listed["cameras"] == ["door"]
    sheet = history_file(data).with_name(SHEET)
    assert listed["sheet"] == str(sheet)
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    assert decode_image(sheet.read_bytes()) is not None
    assert str(sheet) in facestream(data, "unknowns", "--since", "100w").replace("\n", "")
    before = GalleryStore(data / "gallery").current_version()
    said = facestream(data, "name", STRANGER, HOPPER)
    assert f"{STRANGER} is {HOPPER}, in 2 earlier visits, too" in said
    assert names(data) == (COLLINS, HOPPER)
    assert not sheet.exists()
    assert "no stranger is kept" in facestream(data, "unknowns")
    gallery = GalleryStore(data / "gallery").read()
    assert gallery is not None
    assert gallery.parent == before
    assert [row["identity"] for row in rows(data, "visits", "--person", HOPPER)] == [HOPPER] * 2
    assert {row["event"] for row in rows(data, "events", "--person", HOPPER)} == {"enter", "exit"}
    with pytest.raises(FacestreamError, match="nothing is kept of 'unknown-7'"):
        facestream(data, "name", STRANGER, HOPPER)


def test_naming_that_was_killed_after_the_enrolment_is_finished(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("streamer.history.corrections.name_stranger", killed)
        CliRunner().invoke(
            load_app(), ["--config", str(data.parent / "config.toml"), "name", STRANGER, HOPPER]
        )
    assert names(data) == (COLLINS, HOPPER)
    assert rows(data, "visits", "--person", HOPPER) == []
    assert "in 2 earlier visits, too" in facestream(data, "name", STRANGER, HOPPER)


def test_who_it_was_not_is_learnt(data: Path) -> None:
    wrong = next(row for row in rows(data, "events", "--person", COLLINS) if row["track"] == "t-3")
    with pytest.raises(FacestreamError, match=r"must be of Grace Hopper\. It is of Eileen"):
        facestream(data, "not", HOPPER, str(wrong["id"]))
    said = facestream(data, "not", COLLINS, str(wrong["id"]))
    gallery = GalleryStore(data / "gallery").read()
    assert gallery is not None
    assert f"gallery {gallery.version} knows 1 crops that are not {COLLINS}" in said
    assert len(gallery.people.not_them.labels) == 1
    (found,) = gallery.classifier.predict(gallery.people.not_them.embeddings)
    assert found.person is None
    assert [p.person for p in gallery.classifier.predict(gallery.people.embeddings)] == [0]
    assert {row["track"] for row in rows(data, "visits", "--person", COLLINS)} == {"t-4"}
    facestream(data, "rebuild")
    again = GalleryStore(data / "gallery").read()
    assert again is not None
    assert np.allclose(
        again.people.not_them.embeddings, gallery.people.not_them.embeddings, atol=1e-3
    )
    needles = [crop.tobytes() for crop in gallery.people.not_them.crops_rgb]
    needles += [row.tobytes() for row in again.people.not_them.embeddings]
    facestream(data, "forget", COLLINS)
    left = b"".join(path.read_bytes() for path in data.rglob("*.npz"))
    assert [needle for needle in needles if needle in left] == []


def test_who_is_ignored_is_listed_and_can_be_undone(data: Path) -> None:
    assert facestream(data, "ignore") == ""
    facestream(data, "ignore", STRANGER)
    facestream(data, "ignore", COLLINS)
    assert {*facestream(data, "ignore").split("\n")} == {STRANGER, COLLINS, ""}
    assert rows(data, "visits") == []
    assert "is ignored no more" in facestream(data, "ignore", "--undo", STRANGER)
    with pytest.raises(FacestreamError, match="is not ignored"):
        facestream(data, "ignore", "--undo", STRANGER)
    with pytest.raises(FacestreamError, match="'Nobody' is not enrolled"):
        facestream(data, "ignore", "Nobody")


def test_somebody_enrolled_is_found_among_strangers(data: Path, portraits: dict[str, Path]) -> None:
    assert rows(data, "visits", "--person", HOPPER) == []
    assert "not among the strangers" in facestream(data, "events", "--find", COLLINS)
    facestream(data, "enrol", HOPPER, str(portraits[HOPPER]), "--force")
    found = rows(data, "events", "--find", HOPPER)
    assert {row["stranger"] for row in found} == {STRANGER}
    assert {row["track"] for row in found} == {"t-1", "t-2"}
    assert f"facestream name unknown-N '{HOPPER}'" in facestream(data, "events", "--find", HOPPER)
    assert rows(data, "events", "--find", HOPPER, "--camera", "hall") == []
    assert "2 visits of strangers who were kept" in facestream(data, "forget", HOPPER)
    assert "no stranger is kept" in facestream(data, "unknowns")


def test_all_that_is_held_of_somebody_is_exported_and_the_export_is_forgotten(data: Path) -> None:
    wrong = next(row for row in rows(data, "events", "--person", COLLINS) if row["track"] == "t-3")
    facestream(data, "not", COLLINS, str(wrong["id"]))
    letter = Letter(
        id="1.chat", webhook="chat", event="enter", camera="door", body=b"told", people=(COLLINS,)
    )
    with WebhookStore(data / WEBHOOKS_FILE, make=True) as queue:
        queue.put([letter])
    out = data / "hers.zip"
    said = facestream(data, "export", COLLINS, "--out", str(out))
    for held in ("1 gallery crops", "1 not_them crops", "2 events", "1 visits", "1 snapshots"):
        assert held in said.replace("\n", "")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with zipfile.ZipFile(out) as archive:
        inside = archive.namelist()
        (crop,) = json.loads(archive.read("gallery.json"))
        picture = decode_image(archive.read(crop["picture"]))
        assert json.loads(archive.read("person.json"))["name"] == COLLINS
        (delivery,) = json.loads(archive.read("deliveries.json"))
        assert delivery == {"webhook": "chat", "body": "told"}
        assert b"unknown-7" not in b"".join(archive.read(name) for name in inside)
    gallery = GalleryStore(data / "gallery").read()
    assert gallery is not None
    assert picture is not None
    assert np.array_equal(picture[:, :, ::-1], gallery.people.crops_rgb[0])
    assert np.allclose(crop["embedding"], gallery.people.embeddings[0])
    with pytest.raises(FacestreamError, match="nothing is held of 'Nobody'"):
        facestream(data, "export", "Nobody", "--out", str(out))
    said = facestream(data, "forget", COLLINS)
    assert "history: 1 visits" in said
    assert not out.exists()
    stored = b"".join(path.read_bytes() for path in files_of(history_file(data)) if path.exists())
    assert COLLINS.encode() not in stored


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["visits", "--since", "yesterday"], "--since: must be how long ago"),
        (["events", "--until", "5y"], "--until: must be how long ago"),
        (["events", "--find", "Nobody"], "'Nobody' is not enrolled"),
        (["not", "Nobody", "no-event"], "no event 'no-event'"),
        (["name", "unknown-99", "A"], "nothing is kept of 'unknown-99'"),
        (["name", "unknown-7", "unknown-8"], "must not be that of a stranger"),
        (["enrol", "unknown-8", "no.jpg"], "must not be that of a stranger"),
        (["export", COLLINS, "--out", "x.tar"], "must end in .zip"),
    ],
)
def test_what_cannot_be_done_is_said(data: Path, arguments: list[str], why: str) -> None:
    with pytest.raises(FacestreamError, match=why):
        facestream(data, *arguments)
