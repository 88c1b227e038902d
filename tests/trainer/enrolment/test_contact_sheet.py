import csv
import io

import numpy as np
from numpy.typing import NDArray

from streamer.vision.align import Pose
from streamer.vision.images import decode_image
from streamer.vision.quality import MeasuredCrop
from trainer.enrolment.contact_sheet import manifest_csv, sheet_jpeg
from trainer.enrolment.rows import Face
from workers.gallery.crop_source import CropSource


def face(source: CropSource, refused: str = "", face_px: float = 96.0) -> Face:
    crop = MeasuredCrop(
        crop_rgb=np.full((96, 96, 3), 200, np.uint8),
        face_px=face_px,
        sharpness=0.05,
        brightness=0.5,
        pose=Pose(0.0, 0.0, 0.0),
    )
    return Face(source, crop, refused)


def sheet(title: str, *faces: Face) -> NDArray[np.int16]:
    image = decode_image(sheet_jpeg(title, faces))
    assert image is not None
    return image.astype(np.int16)


def test_nobody_has_a_sheet_with_a_heading() -> None:
    empty = sheet("Ada")
    assert (empty[:30] < 100).any()
    assert (empty[40:] > 200).all()


def test_names_beyond_ascii_are_in_the_heading() -> None:
    for name in ("Zoë", "Großmann", "Женя"):
        boxes = "".join(letter if letter.isascii() else "\ufffe" for letter in name)
        assert np.abs(sheet(name)[:30] - sheet(boxes)[:30]).max() > 100


def test_a_refused_face_has_its_reason_below_it_and_another_colour() -> None:
    photo = CropSource("a.jpg")
    used, refused = sheet("Ada", face(photo)), sheet("Ada", face(photo, "no face was found"))
    frame = (slice(31, 33), slice(20, 90))
    assert used[frame][..., 1].mean() > used[frame][..., 2].mean() + 40  # green
    assert refused[frame][..., 2].mean() > refused[frame][..., 1].mean() + 40  # red
    other = sheet("Ada", face(photo, "the face is blurred"))
    below = slice(30 + 96 + 7, None)
    assert np.abs(refused[below] - other[below]).max() > 100


def test_the_manifest_has_a_row_for_each_face_and_each_unread_file() -> None:
    rows = [
        face(CropSource("a.jpg")),
        face(CropSource("c.mp4", 2, 1.2), "the face is blurred"),
        face(CropSource("c.mp4", None, 1.4), "no face was found", face_px=0.0),
    ]
    text = manifest_csv([("Ada", rows, [("torn.jpg", "cannot be read")])]).decode()
    table = list(csv.DictReader(io.StringIO(text)))
    assert [(row["source"], row["outcome"], row["quality"]) for row in table] == [
        ("a.jpg", "used", "1"),
        ("c.mp4#2@1.20s", "refused", "1"),
        ("c.mp4@1.40s", "refused", ""),
        ("torn.jpg", "refused", ""),
    ]
