import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from streamer.capture.demo import background
from streamer.vision.detect import HaarDetector
from streamer.vision.faces import DetectedFace, FaceDetector
from streamer.vision.portrait import PortraitDetector, PortraitFinder, square_of, with_border

Array = NDArray[np.uint8]
# of Haar squares, from the middle: ear to ear, and from the hair or the brow to the chin
FACE, BROW = (-0.38, -0.42, 0.38, 0.52), (-0.33, -0.28, 0.33, 0.5)


@pytest.fixture(scope="module")
def finder() -> PortraitFinder:
    return PortraitFinder()


@pytest.fixture(scope="module")
def usual() -> FaceDetector:
    return FaceDetector(HaarDetector(), 0.5)


def face_of(image: Array, detector: FaceDetector) -> DetectedFace:
    (face,) = detector.detect(image)
    return face


def off(found: DetectedFace, points: NDArray[np.float64]) -> float:
    eyes = float(np.linalg.norm(points[1] - points[0]))
    return float(np.sqrt(np.square(found.landmarks.points - points).sum(axis=1).mean())) / eyes


@pytest.mark.parametrize("part", [FACE, BROW])
@pytest.mark.parametrize("scale", [0.5, 1.0, 6.0])
def test_a_portrait_cut_close_has_its_face_where_it_is(
    part: tuple[float, ...],
    scale: float,
    collins: Array,
    hopper: Array,
    finder: PortraitFinder,
    usual: FaceDetector,
) -> None:
    for image in (collins, hopper):
        points = face_of(image, usual).landmarks.points
        square = square_of(points)
        middle = np.array([square.x, square.y]) + square.width / 2
        left, top, right, bottom = np.rint(np.tile(middle, 2) + square.width * np.array(part))
        cut = image[int(top) : int(bottom), int(left) : int(right)]
        resized = np.asarray(cv2.resize(cut, None, fx=scale, fy=scale), np.uint8)
        (face,) = finder.find(resized)
        places = (points - np.array([left, top]) + 0.5) * scale - 0.5
        assert off(face, places) < 0.12
        assert face.box.width == pytest.approx(square.width * scale, rel=0.12)


@pytest.mark.parametrize("degrees", [-30, -15, 15, 30])
def test_a_tilted_portrait_has_its_face_where_it_is(
    degrees: int, collins: Array, finder: PortraitFinder, usual: FaceDetector
) -> None:
    points = face_of(collins, usual).landmarks.points
    turn = np.asarray(cv2.getRotationMatrix2D((120, 120), degrees, 0.9), np.float64)
    size = (240, 240)
    turned = cv2.warpAffine(collins, turn, size, borderMode=cv2.BORDER_REPLICATE)
    (face,) = finder.find(np.asarray(turned, np.uint8))
    assert off(face, points @ turn[:, :2].T + turn[:, 2]) < 0.12
    assert face.pose.roll == pytest.approx(-degrees, abs=8)


def test_where_the_usual_search_finds_a_face_there_is_no_other(
    collins: Array, usual: FaceDetector
) -> None:
    found, expected = PortraitDetector(usual).detect(collins), usual.detect(collins)
    assert [face.box for face in found] == [face.box for face in expected]


def test_pictures_without_a_face_have_none(collins: Array, finder: PortraitFinder) -> None:
    wall = np.ascontiguousarray(background()[:300, :300])
    pictures = [getattr(data, name)()[:, :, :3] for name in ("coffee", "rocket")]
    pictures += [wall, np.zeros((200, 200, 3), np.uint8)]
    pictures += [np.ascontiguousarray(collins[150:]), np.ascontiguousarray(collins[::-1])]
    for picture in pictures:
        assert finder.find(np.ascontiguousarray(picture)) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (2500, 3)])
def test_odd_shapes_are_no_fault(shape: tuple[int, int], finder: PortraitFinder) -> None:
    assert finder.find(np.full((*shape, 3), 90, np.uint8)) == []


def test_a_border_repeats_the_edge(collins: Array) -> None:
    padded, width = with_border(collins[:, :200], 0.1)
    assert width == 24
    assert padded.shape == (288, 248, 3)
    assert np.array_equal(padded[24:-24, 24:-24], collins[:, :200])
    assert (padded[0, 0] == collins[0, 0]).all()
