import numpy as np
from numpy.typing import NDArray

from streamer.vision.align import CROP_POINTS
from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from streamer.vision.detect import HaarDetector, largest
from streamer.vision.landmarks import LandmarkFinder
from trainer.support.cutting import cutter_for


def face_of(image: NDArray[np.uint8]) -> Box:
    box = largest(HaarDetector().detect(image))
    assert box is not None
    return box


def test_squares_are_cut_as_everywhere(collins: NDArray[np.uint8]) -> None:
    box = face_of(collins)
    crop = cutter_for("square")(collins, box)
    assert crop is not None
    assert (crop == cut_crop(collins, box)).all()


def test_a_levelled_crop_has_its_landmarks_in_their_places(collins: NDArray[np.uint8]) -> None:
    crop = cutter_for("level")(collins, face_of(collins))
    assert crop is not None
    assert crop.shape == (96, 96, 3)
    middle = Box(4.4, 4.4, 87.2, 87.2)  # the Haar square in the crop, which is 1.1 times as wide
    (again,) = LandmarkFinder().find(np.ascontiguousarray(crop[:, :, ::-1]), [middle])
    assert np.abs(again.points - CROP_POINTS).max() < 5


def test_what_has_no_faces_landmarks_is_no_face_where_crops_are_levelled() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8)
    assert cutter_for("level")(noise, Box(50, 50, 100, 100)) is None
    assert cutter_for("square")(noise, Box(50, 50, 100, 100)) is not None
