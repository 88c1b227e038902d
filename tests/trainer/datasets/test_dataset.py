import csv
from pathlib import Path

import numpy as np
import pytest

from streamer.errors import DatasetError
from streamer.vision.align import Pose
from streamer.vision.quality import MeasuredCrop
from trainer.datasets.dataset import folds_of, read_dataset, write_dataset
from trainer.enrolment.rows import Face, Harvest
from workers.gallery.crop_source import CropSource


def face(source: str, value: int, refused: str = "") -> Face:
    crop = MeasuredCrop(
        crop_rgb=np.full((96, 96, 3), value, np.uint8),
        face_px=80.0,
        sharpness=0.05,
        brightness=0.5,
        pose=Pose(0.0, 0.0, 0.0),
    )
    return Face(CropSource.parse(source), crop, refused)


def test_nobody_has_no_folds() -> None:
    none = np.empty(0, np.int32)
    with pytest.raises(DatasetError, match="two photos"):
        folds_of(none, none)


@pytest.mark.parametrize(
    ("moments", "wanted", "count"), [([10, 10], 10, 10), ([3, 2], 10, 3), ([12, 1], 4, 4)]
)
def test_folds_are_stratified_and_never_split_a_moment(
    moments: list[int], wanted: int, count: int
) -> None:
    labels = np.repeat(np.arange(len(moments), dtype=np.int32), [3 * m for m in moments])
    group = np.repeat(np.arange(sum(moments), dtype=np.int32), 3)
    fold, found = folds_of(labels, group, wanted)
    assert found == count
    for moment in np.unique(group):
        assert len(set(fold[group == moment])) == 1
    for person, own in enumerate(moments):
        of_person = fold[labels == person]
        if own == 1:
            assert set(of_person) == {-1}
            continue
        sizes = [int((of_person == f).sum()) // 3 for f in range(count)]
        assert sum(sizes) == own
        assert max(sizes) - min(sizes) <= 1


def test_a_dataset_is_read_as_it_was_written(folder: Path) -> None:
    harvests = {
        "A": Harvest(
            [
                face("a/1.jpg", 1),
                face("a/c.mp4#1@0.00s", 2),
                face("a/c.mp4#1@0.20s", 3),
                face("a/2.jpg", 4, "blurred"),
            ],
            [("a/torn.jpg", "cannot be read as a picture")],
        ),
        "B/": Harvest([face("b/1.jpg", 5), face("b/2.jpg", 6)]),
    }
    made, count = write_dataset(folder / "set", harvests, 10)
    assert count == 2
    found = read_dataset(folder / "set")
    assert found.names == ("A", "B/")
    assert np.array_equal(found.crops_rgb, made.crops_rgb)
    assert found.labels.tolist() == [0, 0, 0, 1, 1]
    assert found.group.tolist() == made.group.tolist()
    assert found.group[1] == found.group[2] != found.group[0]
    rows = list(csv.DictReader((folder / "set" / "manifest.csv").read_text().splitlines()))
    assert [row["outcome"] for row in rows] == ["used"] * 3 + ["refused"] * 2 + ["used"] * 2
    assert {row["reason"] for row in rows} == {"", "blurred", "cannot be read as a picture"}


def test_what_is_no_dataset_is_refused_with_its_line(folder: Path) -> None:
    with pytest.raises(DatasetError, match="train dataset"):
        read_dataset(folder)
    write_dataset(folder / "set", {"A": Harvest([face("1.jpg", 1), face("2.jpg", 2)])}, 10)
    manifest = folder / "set" / "manifest.csv"
    text = manifest.read_text()
    manifest.write_text(text.replace("crops/A/000001.png", "../../etc/passwd"))
    with pytest.raises(DatasetError, match=r"manifest.csv:3: .* must be a crop"):
        read_dataset(folder / "set")
    manifest.write_text(text.replace("person,file", "x,file"))
    with pytest.raises(DatasetError, match=r"manifest.csv:1"):
        read_dataset(folder / "set")
