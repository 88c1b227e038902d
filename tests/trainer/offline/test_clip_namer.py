from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.capture.demo import background
from streamer.config.loading import load_config
from streamer.config.sections import Config
from trainer.offline.clip_namer import ClipNamer
from workers.classifier.classifier import Prediction
from workers.identity.face import Likeness

FRAME_MS = 100.0


@pytest.fixture
def config(folder: Path) -> Config:
    (folder / "config.toml").write_text('[cameras.a]\nsource = "demo"\n')
    return load_config(folder / "config.toml")


def wall_with(portrait: NDArray[np.uint8]) -> NDArray[np.uint8]:
    frame = background().copy()
    frame[200:560, 300:660] = portrait
    return frame


LIKENESS = Likeness(same=0.8, unlike=1.3, other=1.6, spread=0.8)


def always(config: Config, person: int | None, asked: list[int]) -> ClipNamer:
    """Name every crop the same, and note how many were embedded in each call."""

    def embed(crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        asked.append(len(crops))
        return np.eye(1, 128, dtype=np.float32).repeat(len(crops), axis=0)

    def judge(rows: NDArray[np.float32], crops: NDArray[np.float64]) -> list[Prediction]:
        return [Prediction(person, 0.9, 0.5) for _ in rows]

    return ClipNamer(
        config, embed=embed, judge=judge, names=("Ada",), alignment="square", likeness=LIKENESS
    )


def test_an_empty_wall_has_nobody_to_name(config: Config) -> None:
    asked: list[int] = []
    namer = always(config, 0, asked)
    assert namer.take(background(), 0.0) == []
    assert namer.faces == {}
    assert asked == []


def test_a_face_is_undecided_and_then_named_and_then_looked_at_rarely(
    config: Config, hopper: NDArray[np.uint8]
) -> None:
    asked: list[int] = []
    namer = always(config, 0, asked)
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
    # Some at once, until it is certain; then two a second.
    assert 7 <= len(asked) <= 12


def test_nobody_enrolled_is_unknown(config: Config, hopper: NDArray[np.uint8]) -> None:
    namer = always(config, None, [])
    for index in range(8):
        namer.take(wall_with(hopper), index * FRAME_MS)
    row = namer.faces[1].row("x.mp4", 1)
    assert (row.outcome, row.identity) == ("unknown", None)


def test_blurred_crops_do_not_vote(folder: Path, hopper: NDArray[np.uint8]) -> None:
    path = folder / "config.toml"
    path.write_text('[cameras.a]\nsource = "demo"\n[capture]\nmin_sharpness = 10.0\n')
    asked: list[int] = []
    namer = always(load_config(path), 0, asked)
    for index in range(8):
        namer.take(wall_with(hopper), index * FRAME_MS)
    assert asked == []
    assert namer.faces[1].row("x.mp4", 1).outcome == "undecided"


def test_another_face_in_the_same_place_is_another_row(
    config: Config, hopper: NDArray[np.uint8]
) -> None:
    calls: list[int] = []

    def embed(crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        calls.append(len(crops))
        return np.eye(128, dtype=np.float32)[[0 if len(calls) < 10 else 1] * len(crops)]

    def judge(rows: NDArray[np.float32], crops: NDArray[np.float64]) -> list[Prediction]:
        return [Prediction(0 if row[0] > 0.9 else None, 0.9, 0.5) for row in rows]

    namer = ClipNamer(
        config, embed=embed, judge=judge, names=("Ada",), alignment="square", likeness=LIKENESS
    )
    for index in range(100):
        namer.take(wall_with(hopper), index * FRAME_MS)
    rows = [face.row("x.mp4", number) for number, face in sorted(namer.faces.items())]
    assert [(row.outcome, row.identity) for row in rows] == [("named", "Ada"), ("unknown", None)]
    assert rows[0].last_s is not None
    assert rows[1].first_s is not None
    assert rows[0].last_s <= rows[1].first_s
