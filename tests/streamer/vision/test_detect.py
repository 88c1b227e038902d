from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.capture.demo import background
from streamer.errors import ConfigError
from streamer.vision.boxes import Box
from streamer.vision.detect import HaarDetector, largest, non_maximum_suppression


def test_no_face_in_an_empty_picture() -> None:
    assert HaarDetector().detect(np.zeros((100, 100, 3), np.uint8)) == []
    assert largest([]) is None
    assert non_maximum_suppression([]) == []


def test_a_reduced_picture_gives_boxes_in_pixels_of_the_frame(collins: NDArray[np.uint8]) -> None:
    whole = largest(HaarDetector().detect(collins))
    large = np.asarray(cv2.resize(collins, None, fx=4, fy=4), np.uint8)
    reduced = largest(HaarDetector(detect_width=300).detect(large))
    assert whole is not None
    assert reduced is not None
    assert np.allclose(np.array(whole) * 4, np.array(reduced), atol=60)


def test_the_smallest_face_is_in_pixels_of_the_frame(collins: NDArray[np.uint8]) -> None:
    face = largest(HaarDetector().detect(collins))
    assert face is not None
    assert HaarDetector(detect_width=160, min_face=round(face.width * 1.4)).detect(collins) == []


def test_a_search_near_a_known_face_finds_it_again_and_nothing_elsewhere(
    collins: NDArray[np.uint8],
) -> None:
    frame = background()
    frame[200:440, 300:540] = collins
    detector = HaarDetector(detect_width=640)
    everywhere = largest(detector.detect(frame))
    assert everywhere is not None
    near = largest(detector.detect(frame, [everywhere]))
    assert near is not None
    assert np.allclose(near, everywhere, atol=20)
    assert detector.detect(frame, [Box(900, 100, 120, 120)]) == []
    assert detector.detect(frame, []) == []


@pytest.mark.parametrize("content", [None, b"", b"<?xml version='1.0'?><opencv_storage/>"])
def test_a_cascade_that_is_none_is_refused(folder: Path, content: bytes | None) -> None:
    path = folder / "cascade.xml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match="cascade"):
        HaarDetector(str(path))


def test_doubles_leave_the_larger() -> None:
    boxes = [Box(0, 0, 50, 50), Box(2, 2, 52, 52), Box(200, 0, 40, 40)]
    assert non_maximum_suppression(boxes) == [Box(2, 2, 52, 52), Box(200, 0, 40, 40)]
