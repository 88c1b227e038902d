"""`facestream make-clip` as a user runs it; what it writes is decoded and looked at."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from streamer.commands.app import load_app
from streamer.errors import FacestreamError
from streamer.vision.detect import HaarDetector
from tests.trainer.clips.album import EILEEN, GRACE, write_album
from trainer.truth.file import read_truth

SMALL = ("--known", "1", "--strangers", "1", "--enrol-photos", "1", "--at-once", "2",
         "--seconds", "8", "--size", "640x360", "--fps", "10", "--face", "60-90")  # fmt: skip


def make_clip(*arguments: object) -> str:
    """Run the command in this process; what it says."""
    done = CliRunner().invoke(load_app(), ["make-clip", *map(str, arguments)])
    if done.exception is not None:
        raise done.exception
    return done.output


def test_the_truth_of_a_clip_is_where_the_detector_finds_its_faces(folder: Path) -> None:
    clip = folder / "play.mp4"
    said = make_clip(write_album(folder / "album"), "--out", clip, *SMALL, "--seed", 3)
    assert "of 2 people" in said
    truth = read_truth(folder / "play.json")
    assert (truth.width, truth.height, truth.fps, truth.duration_ms) == (640, 360, 10.0, 8000.0)
    assert {track.person for track in truth.tracks} - {None} == {EILEEN, GRACE}
    (known,) = truth.known()
    (link,) = (folder / "play-enrol").rglob("*.png")
    assert link.parent.name == known
    assert link.resolve().parent.name == known

    detector, capture = HaarDetector(scale_factor=1.05, min_face=44), cv2.VideoCapture(str(clip))
    off, wide, faces, frames = [], [], 0, 0
    while True:
        good, decoded = capture.read()
        if not good:
            break
        if frames % 2:
            frames += 1
            continue
        found = detector.detect(np.asarray(decoded, np.uint8))
        for track in truth.tracks:
            at = track.box_at(frames * 100.0)
            if at is None or track.person is None:
                continue
            faces += 1
            middle = np.array([at.x + at.width / 2, at.y + at.height / 2])
            apart = {
                float(np.hypot(*(np.array([b.x + b.width / 2, b.y + b.height / 2]) - middle))): b
                for b in found
            }
            if apart and min(apart) < 0.5 * at.width:
                off.append(min(apart) / at.width)
                wide.append(apart[min(apart)].width / at.width)
        frames += 1
    capture.release()
    assert frames == 80
    assert len(off) > 0.7 * faces > 14
    assert np.median(off) < 0.05
    assert np.quantile(off, 0.9) < 0.12
    assert 0.93 < np.median(wide) < 1.07


def test_the_same_seed_makes_the_same_clip(folder: Path) -> None:
    album = write_album(folder / "album")
    marks = []
    for out, seed in (("a.avi", 1), ("b.avi", 1), ("c.avi", 2)):
        make_clip(album, "--out", folder / out, *SMALL, "--fps", 3, "--seed", seed, "--one-photo")
        frames = hashlib.sha256()
        capture = cv2.VideoCapture(str(folder / out))
        while (read := capture.read())[0]:
            frames.update(read[1].tobytes())
        capture.release()
        tracks = (folder / out).with_suffix(".json").read_text().replace(out, "")
        marks.append((frames.hexdigest(), tracks))
    assert marks[0] == marks[1]
    assert marks[0][0] != marks[2][0]
    assert marks[0][1] != marks[2][1]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("--out", "clip.gif"), r"--out must end in .mp4 or .avi. Received: clip.gif"),
        (("--out", "nowhere/clip.mp4"), "nowhere/clip.mp4: its folder must exist"),
        (("--size", "720p"), "--size must be as 1280x720"),
        (("--size", "1280x20"), "--size must be as 1280x720"),
        (("--face", "200-100"), "--face must be as 80-180"),
        (("--face", "big"), "--face must be as 80-180"),
        (("--known", 0, "--strangers", 0), "must not both be 0"),
        (("--enrol", "album"), "--enrol must be away from the photos"),
        (("--enrol", "."), "--enrol must be away from the photos"),
        (("--truth", "clip.mp4"), "--truth must be another file than --out"),
        (("--background", "room.png"), "room.png: --background must be a picture"),
        (("--known", 9), "people with 6 photos"),
        (("--known", 1, "--strangers", 1, "--enrol-photos", 1, "--seconds", 2,
          "--at-once", 1), "give --seconds"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[object, ...], fault: str
) -> None:
    monkeypatch.chdir(folder)
    album = write_album(folder / "album")
    with pytest.raises(FacestreamError, match=fault) as caught:
        make_clip(album, *options)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in folder.iterdir()) == ["album"]


def test_a_folder_to_enrol_from_is_replaced_only_if_it_holds_links(folder: Path) -> None:
    album = write_album(folder / "album")
    kept = folder / "mine" / "photo.png"
    kept.parent.mkdir()
    kept.write_bytes(b"mine")
    options = (*SMALL, "--fps", 1, "--out", folder / "clip.mp4")
    linked = folder / "links" / "photo.png"  # a person's photos may be links
    linked.parent.mkdir()
    linked.symlink_to(kept)
    for photo in (kept, linked):
        with pytest.raises(FacestreamError, match=r"folders of links\. Found: .*photo\.png"):
            make_clip(album, *options, "--enrol", photo.parent)
        assert photo.read_bytes() == b"mine"
    for _ in range(2):
        make_clip(album, *options)
    assert len(list((folder / "clip-enrol").rglob("*.png"))) == 1
