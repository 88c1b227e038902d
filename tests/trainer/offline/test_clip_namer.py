from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.capture.demo import background
from streamer.config.loading import load_config
from streamer.config.sections import Config
from trainer.offline.clip_namer import ClipNamer, Predict
from workers.classifier.classifier import Prediction

FRAME_MS = 100.0


@pytest.fixture
def config(folder: Path) -> Config:
    (folder / "config.toml").write_text('[cameras.a]\nsource = "demo"\n')
    return load_config(folder / "config.toml")


def wall_with(portrait: NDArray[np.uint8]) -> NDArray[np.uint8]:
    frame = background().copy()
    frame[200:560, 300:660] = portrait
    return frame


def always(person: int | None, asked: list[int]) -> Predict:
    """Name every crop the same, and note how many were asked about in each call."""

    def predict(crops: object) -> list[Prediction]:
        assert isinstance(crops, list)
        asked.append(len(crops))
        return [Prediction(person, 0.9, 0.5) for _ in crops]

    return predict


def test_an_empty_wall_has_nobody_to_name(config: Config) -> None:
    asked: list[int] = []
    namer = ClipNamer(config, always(0, asked), ("Ada",), "square")
    assert namer.take(background(), 0.0) == []
    assert namer.faces == {}
    assert asked == []


def test_a_face_is_undecided_and_then_named_and_then_looked_at_rarely(
    config: Config, hopper: NDArray[np.uint8]
) -> None:
    asked: list[int] = []
    namer = ClipNamer(config, always(0, asked), ("Ada",), "square")
    frame = wall_with(hopper)
    assert namer.take(frame, 0.0) == []  # not confirmed
    (label,) = namer.take(frame, FRAME_MS)
    assert not label.decided
    assert namer.faces[1].row("x.mp4", 1).outcome == "undecided"
    for index in range(2, 32):
        (label,) = namer.take(frame, index * FRAME_MS)
    assert label.identity == "Ada"
    row = namer.faces[1].row("x.mp4", 1)
    assert (row.outcome, row.identity, row.squared_distance) == ("named", "Ada", 0.5)
    assert (row.first_s, row.last_s) == (0.1, 3.1)
    # Some at once, until it is certain; then one a second.
    assert 4 <= len(asked) <= 8


def test_nobody_enrolled_is_unknown(config: Config, hopper: NDArray[np.uint8]) -> None:
    namer = ClipNamer(config, always(None, []), (), "square")
    for index in range(8):
        namer.take(wall_with(hopper), index * FRAME_MS)
    row = namer.faces[1].row("x.mp4", 1)
    assert (row.outcome, row.identity) == ("unknown", None)


def test_blurred_crops_do_not_vote(folder: Path, hopper: NDArray[np.uint8]) -> None:
    path = folder / "config.toml"
    path.write_text('[cameras.a]\nsource = "demo"\n[capture]\nmin_sharpness = 10.0\n')
    asked: list[int] = []
    namer = ClipNamer(load_config(path), always(0, asked), ("Ada",), "square")
    for index in range(8):
        namer.take(wall_with(hopper), index * FRAME_MS)
    assert asked == []
    assert namer.faces[1].row("x.mp4", 1).outcome == "undecided"
