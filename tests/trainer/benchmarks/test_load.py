from pathlib import Path

import pytest
from numpy.typing import NDArray

from streamer.errors import FacestreamError
from streamer.wire.counters import StageCount
from trainer.benchmarks.load import Window, cast_of, figures, portraits_below


def test_there_are_two_and_a_half_faces_at_the_mean(
    collins: NDArray,  # type: ignore[type-arg]
    hopper: NDArray,  # type: ignore[type-arg]
) -> None:
    for variant in range(4):
        cast = cast_of([collins, hopper], variant)
        moments = [index / 10 for index in range(120)]
        there = sum(actor.enter_s <= at < actor.leave_s for actor in cast for at in moments)
        assert there / len(moments) == pytest.approx(2.5)


def test_only_what_came_between_the_two_moments_counts() -> None:
    before = {"frames": StageCount("frames", 100, 90, 1, {"superseded": 9})}
    after = {
        "frames": StageCount("frames", 400, 370, 1, {"superseded": 29}),
        "crops": StageCount("crops", 40, 30, 0, {"expired": 10}),
    }
    window = Window(10.0, [10.0, 20.0, 30.0], before, after, {"capture": 6.0, "embed": 3.0})
    row = figures(4, window)
    assert row["n"] == 4
    assert row["fps_total"] == 28.0
    assert row["frames_dropped"] == {"superseded": 20}
    assert row["superseded_share"] == pytest.approx(20 / 300)
    assert row["latency_ms_p50"] == 20.0
    assert row["cores"] == pytest.approx(0.9)
    assert row["cpu_ms_per_frame"] == pytest.approx(30.0)
    assert row["crops_dropped"] == {"expired": 10}


def test_a_folder_without_photos_is_one_line(folder: Path) -> None:
    with pytest.raises(FacestreamError, match="three folders"):
        portraits_below(folder)
