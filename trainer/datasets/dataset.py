"""A dataset of faces: crops of people with the moments they come from, and folds of it.

A dataset folder holds `manifest.csv` and `crops/PERSON/NUMBER.png`; `facestream train dataset`
makes it, and a gallery serves as one, too.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.constants import CROP_SIZE
from streamer.errors import DatasetError
from streamer.files import write_file
from streamer.vision.files import read_image
from streamer.vision.images import encode_image
from trainer.enrolment.rows import Harvest
from workers.gallery.people import People
from workers.names import file_name_of

_HEAD = ["person", "file", "source", "moment", "fold", "outcome", "reason", "face_px", "sharpness"]


@dataclass(frozen=True)
class Dataset:
    """crops_rgb (n, 96, 96, 3) uint8, labels (n,) into names, group (n,): the moment of each.

    Crops of one moment (a photo; a clip, or its tracks where one clip is all there is of a
    person) have the same group, and never stand on both sides of a test.
    """

    names: tuple[str, ...]
    crops_rgb: NDArray[np.uint8]
    labels: NDArray[np.int32]
    group: NDArray[np.int32]
    sources: tuple[str, ...]

    def of(self, keep: NDArray[np.bool_]) -> "Dataset":
        """Return some of the crops, of the same people."""
        sources = tuple(s for s, kept in zip(self.sources, keep, strict=True) if kept)
        return Dataset(
            self.names, self.crops_rgb[keep], self.labels[keep], self.group[keep], sources
        )


def dataset_of(people: People) -> Dataset:
    """Return a gallery's people as a dataset."""
    return Dataset(people.names, people.crops_rgb, people.labels, people.groups(), people.sources)


def folds_of(
    labels: NDArray[np.int32], group: NDArray[np.int32], wanted: int = 10, seed: int = 0
) -> tuple[NDArray[np.int32], int]:
    """(n,) the fold of each crop, and how many folds there are.

    Every person's moments are dealt out evenly, so folds are stratified; no moment is in two.
    There are fewer than wanted where nobody has so many moments. A person with one moment is
    in no test: its crops have fold -1, and always serve for training. Raises DatasetError where
    nobody has two moments.
    """
    rng = np.random.default_rng(seed)
    most = max((len(np.unique(group[labels == p])) for p in np.unique(labels)), default=0)
    count = min(wanted, most)
    if count < 2:
        raise DatasetError(
            "folds need a person with two photos or clips, or a clip with two tracks, at least"
        )
    fold = np.full(len(labels), -1, np.int32)
    start = 0
    for person in np.unique(labels):
        moments = rng.permutation(np.unique(group[labels == person]))
        if len(moments) < 2:
            continue
        for index, moment in enumerate(moments):
            fold[group == moment] = (start + index) % count
        start += len(moments)  # the next person goes on where this one ended
    return fold, count


def write_dataset(
    folder: Path, found: Mapping[str, Harvest], wanted_folds: int
) -> tuple[Dataset, int]:
    """Write a dataset folder from harvested faces; it, and how many folds it has.

    The manifest is written last: a folder without one is no dataset. Raises DatasetError.
    """
    usable = [(name, face) for name, harvested in found.items() for face in harvested.usable]
    if not usable:
        raise DatasetError("no picture can be used")
    names = tuple(dict.fromkeys(name for name, _ in usable))
    people = People(
        names=names,
        embeddings=np.empty((len(usable), 128), np.float32),
        labels=np.array([names.index(name) for name, _ in usable], np.int32),
        sources=tuple(face.source.text for _, face in usable),
        crops=np.stack([face.crop.crop_rgb for _, face in usable]),
    )
    dataset = dataset_of(people)
    fold, count = folds_of(dataset.labels, dataset.group, wanted_folds)
    numbers = dict(zip([id(face) for _, face in usable], range(len(usable)), strict=True))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEAD)
    for name, harvested in found.items():
        own = folder / "crops" / file_name_of(name)
        own.mkdir(parents=True, exist_ok=True)
        for face in harvested.faces:
            number = numbers.get(id(face))
            place = "" if number is None else f"crops/{own.name}/{number:06d}.png"
            if number is not None:
                write_file(folder / place, encode_image(face.crop.crop_rgb[:, :, ::-1], ".png"))
            writer.writerow(
                [
                    name, place, face.source.text,
                    "" if number is None else int(dataset.group[number]),
                    "" if number is None else int(fold[number]),
                    "refused" if face.refused else "used", face.refused,
                    f"{face.crop.face_px:.4g}", f"{face.crop.sharpness:.4g}",
                ]
            )  # fmt: skip
        for source, reason in harvested.refused_files:
            writer.writerow([name, "", source, "", "", "refused", reason, "", ""])
    write_file(folder / "manifest.csv", text.getvalue().encode())
    return dataset, count


def read_dataset(folder: Path) -> Dataset:
    """Read a dataset folder. Raises DatasetError, with the line that is wrong."""
    path = folder / "manifest.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames != _HEAD:
                raise DatasetError(f"{path}:1: must be: {','.join(_HEAD)}")
            rows = [
                (number, row)
                for number, row in enumerate(reader, start=2)
                if row["outcome"] == "used"
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(
            f"{folder}: no dataset; make one with: facestream train dataset ({error})"
        ) from error
    crops, groups = [], []
    for number, row in rows:
        place = (folder / row["file"]).resolve()
        image = read_image(place) if place.is_relative_to(folder.resolve()) else None
        if image is None or image.shape != (CROP_SIZE, CROP_SIZE, 3):
            raise DatasetError(f"{path}:{number}: {row['file']} must be a crop of 96 x 96")
        if not row["moment"].isdecimal():
            raise DatasetError(f"{path}:{number}: moment must be a number: {row['moment']!r}")
        crops.append(np.ascontiguousarray(image[:, :, ::-1]))
        groups.append(int(row["moment"]))
    if not crops:
        raise DatasetError(f"{path}: has no crop")
    names = tuple(dict.fromkeys(row["person"] for _, row in rows))
    return Dataset(
        names,
        np.stack(crops),
        np.array([names.index(row["person"]) for _, row in rows], np.int32),
        np.array(groups, np.int32),
        tuple(row["source"] for _, row in rows),
    )
