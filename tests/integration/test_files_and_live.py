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
        Actor(collins, 0.0, 2.5, (360, 340), (60, 40), (280, 340)),
        Actor(collins, 4.5, 7.0, (400, 340), (60, 40), (280, 320)),
        Actor(hopper, 1.0, 6.0, (920, 350), (110, 60), (280, 340), 1.5, 5.0),
        Actor(collins, 7.8, 8.0, (800, 340), (0, 0), (300, 300)),
    ]
    write_clip(folder / "people.mp4", cast, 8.0, fps=15)
    return folder / "people.mp4"


def test_a_clip_has_the_same_names_live_and_through_identify_files(
    pipeline: Pipeline, gallery: Gallery, clip: Path
) -> None:
    pipeline.start(CONFIG.format(clip=clip))
    assert pipeline.wait_end() == 0
    live = Counter(event.identity for event in pipeline.events if event.event == "exit")
    assert live["Eileen Collins"] >= 2
    assert live["Grace Hopper"] >= 1

    out = pipeline.folder / "out"
    ran = pipeline.call("identify-files", str(clip), "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    rows = json.loads((out / "predictions.json").read_text())
    decided = [row for row in rows if row["outcome"] in ("named", "unknown")]
    assert Counter(row["identity"] for row in decided) == live
