"""Pictures in files, as people have them: from phones, from the web, cut out, of any depth.

However a camera was held (EXIF) is honoured, what is transparent becomes white, 16 bits a value
become 8, and of an animation the first picture counts.
"""

import io
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.errors import PictureError

PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm"}
)
CONVERT_SUFFIXES = frozenset({".heic", ".heif", ".hif", ".avif"})
"""Pictures that people have and that are refused by name, not passed over."""

_FROM_PHONES = {
    b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"heis": "HEIC", b"hevc": "HEIC",
    b"hevx": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF", b"avif": "AVIF", b"avis": "AVIF",
}  # fmt: skip
_WITHOUT_ALPHA = (b"\xff\xd8", b"BM", b"P6", b"P5")  # JPEG, BMP, PPM, PGM
_ALPHA_PALETTE = "transparency"


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture file: (height, width, 3) uint8 BGR. Raises PictureError with what to do."""
    try:
        content = path.read_bytes()  # OpenCV's own reading writes to the terminal
    except OSError as error:
        raise PictureError(f"cannot be read: {error.strerror or error}") from error
    kind = _FROM_PHONES.get(content[8:12]) if content[4:8] == b"ftyp" else None
    if kind is not None:
        raise PictureError(
            f"is a {kind} picture, which is not read here; save it as JPEG and try that "
            f"(phones do when they export or share; or: heif-convert {path.name} {path.stem}.png)"
        )
    image = _without_alpha(content)
    if image is None:
        image = _decoded(content)
    if image is None:
        raise PictureError("cannot be read as a picture")
    return image


def read_image(path: Path) -> NDArray[np.uint8] | None:
    """Read a picture file as `read_picture` does; None if it cannot be read."""
    try:
        return read_picture(path)
    except PictureError:
        return None


def _decoded(content: bytes) -> NDArray[np.uint8] | None:
    if not content:
        return None
    try:
        image = cv2.imdecode(
            np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
        )
    except cv2.error:  # too many pixels, say
        return None
    if image is None or image.dtype == np.uint8:
        return None if image is None else np.asarray(image, np.uint8)
    if image.dtype != np.uint16:
        return None
    # Sensors of 10, 12 and 14 bits write their values as they are: the picture would be black.
    bits = int(image.max()).bit_length()
    return (np.asarray(image, np.uint16) >> (8 if bits > 14 else max(0, bits - 8))).astype(np.uint8)


def _without_alpha(content: bytes) -> NDArray[np.uint8] | None:
    """Lay a picture that is transparent somewhere over white; None for any other."""
    if content.startswith(_WITHOUT_ALPHA):
        return None
    from PIL import Image, ImageOps  # cameras start without it

    try:
        with Image.open(io.BytesIO(content)) as picture:
            if picture.mode not in ("RGBA", "LA", "PA") and _ALPHA_PALETTE not in picture.info:
                return None
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    white = Image.new("RGBA", upright.size, "white")
    rgb = np.asarray(Image.alpha_composite(white, upright).convert("RGB"), np.uint8)
    return np.ascontiguousarray(rgb[:, :, ::-1])
