"""A folder of labelled photos, made of two portraits: other views of each, that are no copies."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.capture.demo import collins_bgr, hopper_bgr
from streamer.vision.images import encode_image, resize_image

EILEEN, GRACE = "Eileen Collins", "Grace Hopper"


def write_album(root: Path) -> Path:
    """Write root/person/0.png to 3.png of both: as it is, mirrored, tilted, mirrored and tilted."""
    for name, portrait in ((EILEEN, collins_bgr()), (GRACE, hopper_bgr())):
        (root / name).mkdir(parents=True)
        mirrored = np.ascontiguousarray(portrait[:, ::-1])
        views = (portrait, mirrored, tilted(portrait, 9), tilted(mirrored, -9))
        for number, view in enumerate(views):
            (root / name / f"{number}.png").write_bytes(encode_image(view, ".png"))
    return root


def tilted(portrait_bgr: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """Turn a portrait about its middle."""
    height, width = portrait_bgr.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turned = cv2.warpAffine(portrait_bgr, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8)


def copied(portrait_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a copy as the web makes them: smaller, brighter."""
    small = resize_image(portrait_bgr, *(side * 3 // 4 for side in portrait_bgr.shape[1::-1]))
    return np.asarray(cv2.convertScaleAbs(small, alpha=1.1, beta=6), np.uint8)
