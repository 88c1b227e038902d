import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from streamer.capture.demo import background
from streamer.vision.boxes import Box
from streamer.vision.reduced import Reduced, reduce_picture
from streamer.vision.scene import CutWatch, MotionGate, cells_of

WIDTH = 400


def wall_with(portrait: NDArray[np.uint8] | None, left: int = 0) -> Reduced:
    frame = background().copy()
    if portrait is not None:
        frame[200:440, left : left + 240] = portrait
    return reduce_picture(frame, WIDTH)


def elsewhere() -> Reduced:
    """Another scene: a photo of a street's size, with nothing of the wall."""
    cat = skimage.data.chelsea()[:, :, ::-1]  # type: ignore[no-untyped-call]
    return reduce_picture(np.asarray(cv2.resize(cat, (1280, 720)), np.uint8), WIDTH)


def noisy(picture: Reduced, seed: int) -> Reduced:
    noise = np.random.default_rng(seed).normal(0, 6, picture.grey.shape)
    return Reduced(np.clip(picture.grey + noise, 0, 255).astype(np.uint8), picture.factor)


def cuts(*pictures: Reduced, share: float = 0.3) -> list[bool]:
    watch = CutWatch(share)
    return [watch.is_cut(cells_of(picture)) for picture in pictures]


def test_the_first_picture_is_no_cut() -> None:
    assert cuts(wall_with(None)) == [False]


def test_another_scene_is_a_cut_once(collins: NDArray[np.uint8]) -> None:
    wall, other = wall_with(collins, 300), elsewhere()
    found = cuts(wall, wall, *[other] * 5, wall)
    assert found == [False, False, True, False, False, False, False, True]
    assert cuts(wall, other, share=1.0) == [False, False]


def test_who_moves_comes_or_goes_is_no_cut(collins: NDArray[np.uint8]) -> None:
    moving = [wall_with(collins, left) for left in range(0, 800, 40)]
    assert not any(cuts(wall_with(None), *moving, wall_with(None)))


def test_a_lamp_that_goes_on_is_no_cut() -> None:
    wall = wall_with(None)
    bright = Reduced(np.asarray(cv2.convertScaleAbs(wall.grey, alpha=1.4), np.uint8), wall.factor)
    assert cuts(wall, bright, wall) == [False, False, False]


def test_everything_is_searched_first_and_when_asked() -> None:
    gate, wall = MotionGate(), wall_with(None)
    assert gate.regions(wall, cells_of(wall), [], whole=False) == [wall.whole]
    assert gate.regions(wall, cells_of(wall), [], whole=False) == []
    assert gate.regions(wall, cells_of(wall), [], whole=True) == [wall.whole]
    gate.forget()
    assert gate.regions(wall, cells_of(wall), [], whole=False) == [wall.whole]


def test_a_cameras_noise_is_no_motion() -> None:
    gate = MotionGate()
    for seed in range(5):
        picture = noisy(wall_with(None), seed)
        found = gate.regions(picture, cells_of(picture), [], whole=False)
    assert found == []


def test_only_the_part_where_somebody_came_is_searched_and_only_once(
    collins: NDArray[np.uint8],
) -> None:
    gate, wall, there = MotionGate(), wall_with(None), wall_with(collins, 800)
    gate.regions(wall, cells_of(wall), [], whole=False)
    (region,) = gate.regions(there, cells_of(there), [], whole=False)
    assert region.x <= 800 * there.factor
    assert region.x + region.width >= 1040 * there.factor
    assert region.width * region.height < 0.5 * there.grey.size
    assert gate.regions(there, cells_of(there), [], whole=False) == []


def test_what_moves_in_a_face_that_is_followed_needs_no_search(
    collins: NDArray[np.uint8],
) -> None:
    gate, wall, there = MotionGate(), wall_with(None), wall_with(collins, 800)
    gate.regions(wall, cells_of(wall), [], whole=False)
    held = Box(780, 180, 280, 280).scaled(there.factor)
    assert gate.regions(there, cells_of(there), [held], whole=False) == []


def test_what_creeps_is_seen_in_the_end(collins: NDArray[np.uint8]) -> None:
    gate, wall = MotionGate(), wall_with(None)
    gate.regions(wall, cells_of(wall), [], whole=False)
    fully = wall_with(collins, 500)
    for share in np.linspace(0, 1, 60):
        mixed = cv2.addWeighted(wall.grey, 1 - share, fully.grey, share, 0)
        picture = Reduced(np.asarray(mixed, np.uint8), wall.factor)
        if gate.regions(picture, cells_of(picture), [], whole=False):
            return
    raise AssertionError("a face that faded in was never searched for")
