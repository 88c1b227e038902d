import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.config.sections import EmbedConfig
from streamer.constants import CROP_SIZE
from streamer.errors import ConfigError
from streamer.vision.align import (
    CROP_POINTS,
    MEAN_SHAPE,
    align_crop,
    alignment_for,
    misfit,
    pose_of,
    similarity_transform,
)
from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from workers.network.weights_file import SHIPPED


@pytest.mark.parametrize(
    ("stated", "alignment"), [({}, "square"), ({"alignment": "level"}, "level")]
)
def test_a_weights_file_says_how_its_crops_are_cut(
    folder: Path, stated: dict[str, str], alignment: str
) -> None:
    description = json.dumps({"crop": stated}).encode()
    np.savez(folder / "w.npz", description=np.frombuffer(description, np.uint8))
    assert alignment_for(EmbedConfig(), folder / "w.npz") == alignment
    assert alignment_for(EmbedConfig(alignment="square"), folder / "w.npz") == "square"


def test_the_weights_that_ship_are_known_without_their_file() -> None:
    assert alignment_for(EmbedConfig(), None) == alignment_for(EmbedConfig(), SHIPPED)


def test_weights_that_tell_nothing_are_one_line(folder: Path) -> None:
    (folder / "bad.npz").write_bytes(b"PK\3\4 no archive")
    np.savez(folder / "other.npz", x=np.zeros(2))
    odd = np.frombuffer(json.dumps({"crop": {"alignment": "tilted"}}).encode(), np.uint8)
    np.savez(folder / "odd.npz", description=odd)
    for name in ("none", "bad", "other"):
        with pytest.raises(ConfigError, match=rf"{name}\.npz: does not tell .* embed\.alignment"):
            alignment_for(EmbedConfig(), folder / f"{name}.npz")
    with pytest.raises(ConfigError, match="must be square, level or openface"):
        alignment_for(EmbedConfig(), folder / "odd.npz")
    assert alignment_for(EmbedConfig(alignment="level"), folder / "none.npz") == "level"


def turned(points: NDArray[np.float64], degrees: float, scale: float) -> NDArray[np.float64]:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(points @ turn.T * scale, np.float64)


@pytest.mark.parametrize(("degrees", "scale"), [(0.0, 1.0), (35.0, 80.0), (-170.0, 0.2)])
def test_a_similarity_is_found_exactly(degrees: float, scale: float) -> None:
    places = turned(MEAN_SHAPE, degrees, scale) + np.array([12.0, -3.0])
    matrix = similarity_transform(MEAN_SHAPE, places)
    assert np.allclose(MEAN_SHAPE @ matrix[:, :2].T + matrix[:, 2], places)


def test_one_point_five_times_has_no_similarity() -> None:
    same = np.zeros((5, 2))
    with pytest.raises(ValueError, match="not all be the same"):
        similarity_transform(same, MEAN_SHAPE)
    assert misfit(same) == float("inf")


def test_a_level_face_in_the_middle_gives_the_crop_of_its_square(
    collins: NDArray[np.uint8],
) -> None:
    box = Box(160, 60, 100, 100)
    square = cut_crop(collins, box).astype(int)
    centre = np.array([box.x + box.width / 2 - 0.5, box.y + box.height / 2 - 0.5])
    level = align_crop(collins, MEAN_SHAPE * 100 + centre).astype(int)
    assert np.abs(square - level).mean() < 4


@pytest.mark.parametrize("width", [60, 240, 900])
def test_points_land_on_their_places_at_any_size(width: int) -> None:
    points = turned(MEAN_SHAPE, 25, width) + np.array([700.0, 650.0])
    picture = np.zeros((1400, 1500, 3), np.uint8)
    for x, y in points:
        cv2.circle(picture, (round(x), round(y)), max(2, width // 30), (255, 255, 255), -1)
    crop = align_crop(picture, points)[:, :, 0]
    assert crop.shape == (CROP_SIZE, CROP_SIZE)
    rows, columns = np.mgrid[:CROP_SIZE, :CROP_SIZE]
    for x, y in CROP_POINTS:
        near = crop.astype(float) * (np.hypot(columns - x, rows - y) < 8)
        middle = np.array([(near * columns).sum(), (near * rows).sum()]) / near.sum()
        assert np.allclose(middle, (x, y), atol=1.0)  # the circles' own centres are whole


def test_beyond_the_border_the_edge_is_repeated() -> None:
    picture = np.full((100, 120, 3), 77, np.uint8)
    for centre in ((0.0, 0.0), (118.0, 99.0), (-400.0, 30.0)):
        for size in (30, 300, 3000):
            assert (align_crop(picture, MEAN_SHAPE * size + np.array(centre)) == 77).all()


def test_only_the_shape_of_a_face_fits() -> None:
    assert misfit(turned(MEAN_SHAPE, 30, 55)) == pytest.approx(0, abs=1e-6)
    assert misfit(MEAN_SHAPE[[2, 0, 4, 1, 3]]) > 0.5


def test_pose_follows_the_nose_and_the_turn() -> None:
    assert pose_of(MEAN_SHAPE) == pytest.approx((0, 0, 0), abs=1e-6)
    assert pose_of(turned(MEAN_SHAPE, 20, 40)).roll == pytest.approx(20)
    aside, lifted = MEAN_SHAPE.copy(), MEAN_SHAPE.copy()
    aside[2, 0] += 0.08
    lifted[2, 1] -= 0.05
    assert pose_of(aside).yaw > 10
    assert pose_of(lifted).pitch > 5
    assert abs(pose_of(aside).roll) < 1
