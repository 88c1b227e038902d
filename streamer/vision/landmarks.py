"""Five landmarks of each face that Haar found, and whether it is a face at all.

A small network of our own (`facestream train landmarks`), run by OpenCV: no TensorFlow here.
It sees the grey square around a detection, enlarged by VIEW_ENLARGE, at 56 x 56, less its mean
and over its standard deviation, so that dark and pale pictures look the same to it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.errors import WeightsError
from streamer.vision.align import misfit
from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop

VIEW_SIZE = 56
VIEW_ENLARGE = 1.4
SHIPPED = Path(__file__).parent / "landmarks.onnx"
_LEAST_CONTRAST = 4.0  # of 255; below it there is only noise to enlarge


class Landmarks(NamedTuple):
    """points (5, 2) float64 in pixels of the picture; confidence 0 to 1 that it is a face."""

    points: NDArray[np.float64]
    confidence: float

    def is_face(self, least_confidence: float = 0.5, most_misfit: float = 0.35) -> bool:
        """Return whether both the network and the shape of the points say that it is a face."""
        return self.confidence >= least_confidence and misfit(self.points) <= most_misfit


class LandmarkFinder:
    """The network, loaded once; one per thread. Raises WeightsError where it cannot be."""

    def __init__(self, network: Path = SHIPPED) -> None:
        try:
            self._network = cv2.dnn.readNetFromONNX(np.frombuffer(network.read_bytes(), np.uint8))
        except OSError as error:
            raise WeightsError(f"{network}: cannot be read: {error.strerror or error}") from error
        except cv2.error as error:
            raise WeightsError(f"{network}: must be a landmarks network (ONNX)") from error

    def find(self, image_bgr: NDArray[np.uint8], boxes_xywh: Sequence[Box]) -> list[Landmarks]:
        """Find the landmarks in each box of one picture, in the order of the boxes."""
        return self.look(image_bgr, boxes_xywh)[0]

    def look(
        self, image_bgr: NDArray[np.uint8], boxes_xywh: Sequence[Box]
    ) -> tuple[list[Landmarks], NDArray[np.float32]]:
        """As `find`, and return what the network saw, too: (n, 56, 56), see `network_input`."""
        if not boxes_xywh:
            return [], np.empty((0, VIEW_SIZE, VIEW_SIZE), np.float32)
        views = np.stack([cut_crop(image_bgr, b, VIEW_ENLARGE, VIEW_SIZE) for b in boxes_xywh])
        seen = network_input(views)
        self._network.setInput(seen)
        outputs = np.asarray(self._network.forward(), np.float64)
        found = [_landmarks(out, box) for out, box in zip(outputs, boxes_xywh, strict=True)]
        return found, seen[:, 0]


def network_input(views_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Turn (n, 56, 56, 3) RGB views to (n, 1, 56, 56): grey, mean 0, standard deviation 1."""
    grey = np.stack([cv2.cvtColor(view, cv2.COLOR_RGB2GRAY) for view in views_rgb])
    values = grey.astype(np.float32)
    values -= values.mean(axis=(1, 2), keepdims=True)
    values /= np.maximum(values.std(axis=(1, 2), keepdims=True), _LEAST_CONTRAST)
    return values[:, None]


def _landmarks(output: NDArray[np.float64], box: Box) -> Landmarks:
    # As `cut_crop` rounds: the square's side, its left and its top are whole pixels.
    side = max(1, round(max(box.width, box.height) * VIEW_ENLARGE))
    left = round(box.x + box.width / 2 - side / 2)
    top = round(box.y + box.height / 2 - side / 2)
    points = (output[:10].reshape(5, 2) + 0.5) * side + np.array([left - 0.5, top - 0.5])
    return Landmarks(points, float(1 / (1 + np.exp(-output[10]))))
