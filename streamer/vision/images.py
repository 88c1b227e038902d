"""Pictures to arrays and back. Always (height, width, 3) uint8, BGR, as OpenCV decodes them."""

import cv2
import numpy as np
from numpy.typing import NDArray

JPEG_QUALITY = 80


def decode_image(content: bytes | memoryview) -> NDArray[np.uint8] | None:
    """Decode a picture in memory; None if it is not a picture."""
    if not len(content):
        return None
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(image, np.uint8)


def encode_image(
    image_bgr: NDArray[np.uint8], suffix: str = ".jpg", quality: int = JPEG_QUALITY
) -> bytes:
    """Encode a picture in the format of a file suffix. `quality` (1 to 100) is for JPEG alone."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix in (".jpg", ".jpeg") else []
    good, content = cv2.imencode(suffix, image_bgr, options)
    if not good:
        raise ValueError(f"suffix must be one that OpenCV can write. Received: {suffix!r}")
    return content.tobytes()


def resize_image(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Resize a picture (grey or colour) to a size in pixels; averaged where it shrinks."""
    shrinks = width < image.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)


def shrink_to_fit(image: NDArray[np.uint8], max_bytes: int) -> NDArray[np.uint8]:
    """Return the picture, made smaller in both directions where it has more bytes than that."""
    if image.nbytes <= max_bytes:
        return image
    height, width = image.shape[:2]
    factor = (max_bytes / image.nbytes) ** 0.5
    return resize_image(image, max(1, int(width * factor)), max(1, int(height * factor)))
