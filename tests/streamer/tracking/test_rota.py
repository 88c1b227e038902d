import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.capture.demo import background
from streamer.config.sections import DetectConfig
from streamer.tracking.rota import SearchRota
from streamer.tracking.second_look import SecondLook
from streamer.vision.boxes import Box
from streamer.vision.detect import HaarDetector
from streamer.vision.reduced import Reduced, reduce_picture
from streamer.vision.scene import cells_of


def reduced(portrait: NDArray[np.uint8] | None, left: int = 300) -> Reduced:
    frame = background().copy()
    if portrait is not None:
        frame[200:440, left : left + 240] = portrait
    return reduce_picture(frame, 400)


def searched(
    rota: SearchRota, picture: Reduced, media_ms: float, rarely: float = 1.0
) -> list[Box] | None:
    due = rota.next(picture, cells_of(picture), [], media_ms, rarely)
    return None if due is None else due.regions


def test_a_new_scene_is_searched_everywhere_at_once_for_every_kind_of_head() -> None:
    rota, wall = SearchRota(DetectConfig(search_interval_ms=200)), reduced(None)
    assert searched(rota, wall, 0) == [wall.whole]
    assert searched(rota, wall, 40) == [wall.whole]  # one profile
    assert searched(rota, wall, 80) is None
    assert searched(rota, wall, 200) == [wall.whole]  # finely
    assert searched(rota, wall, 400) is None  # nothing moved
    assert searched(rota, wall, 440) == [wall.whole]  # the other profile
    assert searched(rota, wall, 600) is None


def test_where_nothing_moves_all_is_searched_rarely() -> None:
    config = DetectConfig(search_interval_ms=200, search_all_ms=2000, profiles=False)
    rota, wall = SearchRota(config), reduced(None)
    at = [ms for ms in range(0, 6000, 40) if searched(rota, wall, ms)]
    assert at == [0, 200, 2000, 2200, 4000, 4200]  # coarsely and finely


def test_somebody_who_comes_is_searched_for_at_the_next_interval(
    collins: NDArray[np.uint8],
) -> None:
    rota = SearchRota(DetectConfig(search_interval_ms=200, profiles=False))
    searched(rota, reduced(None), 0)
    searched(rota, reduced(None), 200)
    there = reduced(collins)
    assert searched(rota, there, 360) is None
    regions = searched(rota, there, 400)
    assert regions
    assert regions != [there.whole]


def test_under_load_searches_are_rarer() -> None:
    config = DetectConfig(search_interval_ms=200, search_all_ms=200, profiles=False)
    rota, wall = SearchRota(config), reduced(None)
    at = [ms for ms in range(0, 2000, 40) if searched(rota, wall, ms, rarely=4.0)]
    assert at == [0, 800, 1600]


def test_an_interval_of_nothing_searches_every_frame_whole() -> None:
    rota, wall = SearchRota(DetectConfig(search_interval_ms=0)), reduced(None)
    assert all(searched(rota, wall, 0.0) == [wall.whole] for _ in range(3))


def test_a_second_look_finds_a_tilted_face_that_the_search_misses(
    collins: NDArray[np.uint8],
) -> None:
    config = DetectConfig(scale_factor=1.15)
    upright = HaarDetector.of(config).search(reduced(collins))
    assert len(upright) == 1
    turn = cv2.getRotationMatrix2D((120, 120), 28, 1.0)
    tilted = reduced(np.asarray(cv2.warpAffine(collins, turn, (240, 240)), np.uint8))
    assert HaarDetector.of(config).search(tilted, upright) == []
    second = SecondLook(config.cascade)
    found = [box for _ in range(3) for box in second.look(tilted, upright)]
    assert found
    assert abs(found[0].width - upright[0].width) < 0.5 * upright[0].width
    assert second.look(tilted, []) == []
