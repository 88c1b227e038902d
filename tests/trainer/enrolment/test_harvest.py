"""What people have: portraits cut close, photos of phones, small pictures."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from streamer.config.sections import DetectConfig, EnrolConfig
from streamer.vision.align import SHIPPED_ALIGNMENT
from streamer.vision.images import encode_image
from trainer.enrolment.bulk import harvest_people
from trainer.enrolment.harvest import harvest
from trainer.enrolment.rows import Harvest

Array = NDArray[np.uint8]
DETECT = DetectConfig()


def harvested(folder: Path, image: Array, rules: EnrolConfig | None = None) -> Harvest:
    path = folder / "picture.png"
    path.write_bytes(encode_image(np.ascontiguousarray(image), ".png"))
    return harvest([path], rules or EnrolConfig(), DETECT, SHIPPED_ALIGNMENT)


def test_portraits_cut_close_tilted_and_on_nothing_are_used(
    folder: Path, collins: Array, hopper: Array
) -> None:
    turn = cv2.getRotationMatrix2D((120, 120), 25, 0.9)
    tilted = cv2.warpAffine(collins, turn, (240, 240), borderMode=cv2.BORDER_REPLICATE)
    cut = [collins[65:169, 72:156], hopper[93:310, 94:270], np.asarray(tilted, np.uint8)]
    for image in cut:
        found = harvested(folder, image)
        assert [face.warning for face in found.usable] == [""], found.refused


def test_a_phone_on_its_side_makes_no_difference(folder: Path, collins: Array) -> None:
    upright = harvested(folder, collins).usable[0].crop.crop_rgb
    held, exif, buffer = np.rot90(collins[:, :, ::-1]), Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(held)).save(buffer, "JPEG", exif=exif, quality=97)
    (folder / "phone.jpg").write_bytes(buffer.getvalue())
    found = harvest([folder / "phone.jpg"], EnrolConfig(), DETECT, SHIPPED_ALIGNMENT)
    assert np.abs(found.usable[0].crop.crop_rgb.astype(int) - upright).mean() < 12


def test_what_must_be_converted_is_refused_by_name(folder: Path, collins: Array) -> None:
    (folder / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    (folder / "b.png").write_bytes(encode_image(collins, ".png"))
    found = harvest([folder], EnrolConfig(), DETECT, SHIPPED_ALIGNMENT)
    assert len(found.usable) == 1
    ((where, why),) = found.refused
    assert where.endswith("IMG_1.HEIC")
    assert "HEIC" in why
    assert "save it as JPEG" in why


def face_of_width(image: Array, usual_px: float, px: float) -> Array:
    factor = px / usual_px
    return np.asarray(
        cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8
    )


def test_a_small_face_is_used_with_a_warning_and_a_smaller_one_is_not(
    folder: Path, collins: Array
) -> None:
    width = harvested(folder, collins).usable[0].crop.face_px
    small = harvested(folder, face_of_width(collins, width, 42))
    (face,) = small.usable
    assert "the face is small" in face.warning
    assert harvested(folder, face_of_width(collins, width, 30)).usable == []
    # Whoever asks for more gets no face that is between what was asked for and what is sure.
    assert harvested(folder, collins, EnrolConfig(min_face=400, min_sure_face=300)).usable == []
    blurred = np.asarray(cv2.GaussianBlur(face_of_width(collins, width, 42), (0, 0), 4), np.uint8)
    assert harvested(folder, blurred).usable == []


def test_warnings_outlive_a_run_that_is_stopped(folder: Path, collins: Array) -> None:
    width = harvested(folder, collins).usable[0].crop.face_px
    (folder / "Eileen").mkdir()
    harvested(folder / "Eileen", face_of_width(collins, width, 42))
    rules = (EnrolConfig(), DETECT, SHIPPED_ALIGNMENT)
    people = {"Eileen": [folder / "Eileen"]}
    for _ in range(2):
        found = harvest_people(people, folder / "work", rules, lambda done: None)
        assert ["the face is small" in face.warning for face in found["Eileen"].usable] == [True]


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\0\0\0\x18ftypheic"])
def test_bad_pictures_are_refused_and_the_good_one_is_used(
    folder: Path, collins: Array, content: bytes
) -> None:
    (folder / "a.jpg").write_bytes(content)
    (folder / "b.png").write_bytes(encode_image(collins, ".png"))
    found = harvest([folder], EnrolConfig(), DETECT, SHIPPED_ALIGNMENT)
    assert len(found.usable) == 1
    assert [Path(where).name for where, _ in found.refused] == ["a.jpg"]
