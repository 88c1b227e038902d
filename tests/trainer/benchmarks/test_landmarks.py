from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.capture.demo import Actor, write_clip
from streamer.config.sections import DetectConfig
from streamer.errors import FacestreamError
from trainer.benchmarks.landmarks import measure_clips


def test_a_clip_is_looked_at_five_times_a_second_and_its_boxes_are_sorted(
    folder: Path, collins: NDArray[np.uint8]
) -> None:
    upside_down = np.ascontiguousarray(collins[::-1])
    cast = [
        Actor(
            portrait_bgr=portrait,
            enter_s=-1.0,
            leave_s=9.0,
            centre=centre,
            swing=(0, 0),
            side=(300, 300),
        )
        for portrait, centre in ((collins, (300, 340)), (upside_down, (900, 340)))
    ]
    write_clip(folder / "clip.mp4", cast, 2.0, fps=15)
    (row,) = measure_clips([folder / "clip.mp4"], DetectConfig(), lambda text: None)
    assert row["looks"] == 10
    assert row["faces"] == 10
    assert row["seconds"] == pytest.approx(2.0)
    assert row["not_faces_a_minute"] == pytest.approx(30 * row["not_faces"])


def test_a_clip_that_is_none_is_one_line(folder: Path) -> None:
    (folder / "clip.mp4").write_bytes(b"no clip")
    with pytest.raises(FacestreamError, match=r"clip\.mp4"):
        measure_clips([folder / "clip.mp4"], DetectConfig(), lambda text: None)
