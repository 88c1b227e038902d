import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from streamer.errors import PictureError
from streamer.vision.files import read_image, read_picture

Array = NDArray[np.uint8]
UPSIDE = {1: "as it is", 3: "on its head", 6: "lies on its left side", 8: "lies on its right side"}


def encoded(rgb: Array, kind: str, orientation: int = 1) -> bytes:
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.fromarray(rgb).save(buffer, kind, exif=exif)
    return buffer.getvalue()


def read(folder: Path, content: bytes, name: str = "picture") -> Array:
    (folder / name).write_bytes(content)
    return read_picture(folder / name)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", UPSIDE)
def test_a_camera_may_be_held_in_any_way(folder: Path, kind: str, orientation: int) -> None:
    upright = np.zeros((40, 60, 3), np.uint8)
    upright[:20, :30] = 250  # bright at the top left
    turns = {1: 0, 3: 2, 6: 1, 8: 3}[orientation]
    held = np.ascontiguousarray(np.rot90(upright, turns))
    image = read(folder, encoded(held, kind, orientation))
    assert image.shape == (40, 60, 3)
    assert np.abs(image.astype(int) - upright).mean() < 3


def test_what_is_transparent_is_white_and_upright(folder: Path) -> None:
    rgba = np.full((40, 60, 4), (200, 0, 0, 255), np.uint8)
    rgba[:, :30] = (0, 255, 0, 0)
    image = read(folder, encoded(rgba, "PNG", 3))
    assert image[20, 50].tolist() == [255, 255, 255]
    assert image[20, 10].tolist() == [0, 0, 200]
    palette = Image.fromarray(rgba).convert("P")
    buffer = io.BytesIO()
    palette.save(buffer, "GIF", transparency=palette.getpixel((0, 0)))
    assert read(folder, buffer.getvalue())[20, 10].tolist() == [255, 255, 255]


@pytest.mark.parametrize("bits", [9, 10, 12, 16])
def test_values_of_more_than_eight_bits_are_not_black(folder: Path, bits: int) -> None:
    values = np.linspace(0, 2**bits - 1, 60, dtype=np.uint16)
    _, content = cv2.imencode(".png", np.tile(values, (40, 1)))
    image = read(folder, content.tobytes())
    assert image.dtype == np.uint8
    assert (image.min(), image.max()) == (0, 255)


def test_print_colours_and_animations(folder: Path, collins: Array) -> None:
    rgb = Image.fromarray(np.ascontiguousarray(collins[:, :, ::-1]))
    buffer = io.BytesIO()
    rgb.convert("CMYK").save(buffer, "JPEG")
    assert np.abs(read(folder, buffer.getvalue()).astype(int) - collins).mean() < 6
    buffer = io.BytesIO()
    rgb.save(buffer, "WEBP", save_all=True, append_images=[rgb.rotate(180)], lossless=True)
    assert np.array_equal(read(folder, buffer.getvalue()), collins)


@pytest.mark.parametrize("brand", ["heic", "mif1", "avif"])
def test_pictures_of_phones_are_refused_by_name_with_what_to_do(folder: Path, brand: str) -> None:
    content = b"\0\0\0\x18ftyp" + brand.encode() + bytes(200)
    with pytest.raises(PictureError, match=r"is a (HEIC|HEIF|AVIF) picture.*save it as JPEG"):
        read(folder, content, "photo.jpg")  # whatever it is called


def huge_png() -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + crc

    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff nothing", b"GIF89a", huge_png()])
def test_what_is_no_picture_is_refused_in_one_line(folder: Path, content: bytes) -> None:
    with pytest.raises(PictureError, match=r"^cannot be read as a picture$"):
        read(folder, content)
    assert read_image(folder / "picture") is None
    with pytest.raises(PictureError, match=r"^cannot be read: No such file or directory$"):
        read_picture(folder / "none.jpg")
