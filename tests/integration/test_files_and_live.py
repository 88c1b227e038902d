"""A clip has the same names as a camera and as a file."""

import json
from collections import Counter
from pathlib import Path

import pytest
from numpy.typing import NDArray

from streamer.capture.demo import Actor, write_clip
from tests.integration.harness import Pipeline
from workers.gallery.version import Gallery

CONFIG = '[cameras.door]\nsource = "{clip}"\npace = "fast"\n'


@pytest.fixture
def clip(folder: Path, collins: NDArray, hopper: NDArray) -> Path:  # type: ignore[type-arg]
    """Both people, one of them twice, and one for less time than a name takes."""
    cast = [
        Actor(
            portrait_bgr=collins,
            enter_s=0.0,
            leave_s=2.5,
            centre=(360, 340),
            swing=(60, 40),
            side=(280, 340),
        ),
        Actor(
            portrait_bgr=collins,
            enter_s=4.5,
            leave_s=7.0,
            centre=(400, 340),
            swing=(60, 40),
            side=(280, 320),
        ),
        Actor(
            portrait_bgr=hopper,
            enter_s=1.0,
            leave_s=6.0,
            centre=(920, 350),
            swing=(110, 60),
            side=(280, 340),
            phase=1.5,
            period_s=5.0,
        ),
        Actor(
            portrait_bgr=collins,
            enter_s=7.8,
            leave_s=8.0,
            centre=(800, 340),
            swing=(0, 0),
            side=(300, 300),
        ),
    ]
    # Everybody has left well before the end, so that no exit belongs to the stop.
    write_clip(folder / "people.mp4", cast, 10.0, fps=15)
    return folder / "people.mp4"


def test_a_clip_has_the_same_names_live_and_through_identify_files(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    pipeline.start(CONFIG.format(clip=clip))
    assert pipeline.wait_end() == 0
    assert [event.number for event in pipeline.events] == [*range(1, len(pipeline.events) + 1)]
    live = Counter(event.identity for event in pipeline.events if event.event == "exit")
    assert live["Eileen Collins"] >= 2
    assert live["Grace Hopper"] >= 1

    out = pipeline.folder / "out"
    ran = pipeline.call("identify-files", str(clip), "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    rows = json.loads((out / "predictions.json").read_text())
    decided = [row for row in rows if row["outcome"] in ("named", "unknown")]
    assert Counter(row["identity"] for row in decided) == live
