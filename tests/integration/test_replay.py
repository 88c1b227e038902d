"""A clip whose truth is known, played to the real processes by `facestream replay`."""

import json
import math
from pathlib import Path

from streamer.capture.demo import Actor, collins_bgr, hopper_bgr, write_clip
from tests.integration.harness import Pipeline, leftovers, plain
from trainer.truth.file import Truth, TruthTrack, write_truth
from trainer.truth.keys import Key
from workers.gallery.version import Gallery

SECONDS, FPS = 6.0, 15
CAST = {
    "Eileen Collins": Actor(
        portrait_bgr=collins_bgr(),
        enter_s=-2.0,
        leave_s=20.0,
        centre=(360, 340),
        swing=(110, 50),
        side=(280, 360),
    ),
    "Grace Hopper": Actor(
        portrait_bgr=hopper_bgr(),
        enter_s=-2.0,
        leave_s=20.0,
        centre=(920, 350),
        swing=(110, 60),
        side=(280, 340),
        phase=1.5,
    ),
}


def box_of(actor: Actor, seconds: float) -> tuple[float, float, float]:
    """Left, top and side of an actor's face: half of the portrait, about its middle."""
    turn = 2 * math.pi * seconds / actor.period_s + actor.phase
    low, high = actor.side
    side = (low + (high - low) * (0.5 + 0.5 * math.sin(turn * 0.7))) / 2
    x = actor.centre[0] + actor.swing[0] * math.cos(turn)
    y = actor.centre[1] + actor.swing[1] * math.sin(turn)
    return x - side / 2, y - side / 2, side


def write_truth_of_cast(path: Path) -> None:
    times = [index / FPS for index in range(round(SECONDS * FPS))]
    tracks = []
    for name, actor in CAST.items():
        keys = []
        for seconds in times:
            left, top, side = box_of(actor, seconds)
            keys.append(Key(1000 * seconds, left, top, side, side))
        tracks.append(TruthTrack(name, True, tuple(keys)))
    write_truth(
        path,
        Truth(
            clip="play.mp4",
            width=1280,
            height=720,
            fps=FPS,
            duration_ms=1000 * SECONDS,
            tracks=tuple(tracks),
        ),
    )


def test_replay_scores_a_clip_and_leaves_no_trace(
    pipeline: Pipeline, gallery: Gallery, folder: Path
) -> None:
    write_clip(folder / "play.mp4", list(CAST.values()), SECONDS, FPS)
    pipeline.config.write_text(plain('[cameras.door]\nsource = "nowhere.mp4"\n'))
    before = sorted(path for path in (folder / "var").rglob("*"))
    write_truth_of_cast(folder / "true.json")
    done = pipeline.call(
        "replay", "play.mp4", "--truth", "true.json", "--fast", "--json", "--page", "page.html"
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["frames"] == round(SECONDS * FPS)
    assert figures["superseded"] == 0
    assert figures["known_right"] > 0.8
    assert figures["known_wrong"] == 0
    assert figures["renames"] == 0
    assert figures["named_tracks"] == 1
    assert figures["elsewhere_named_s"] == 0
    assert set(figures["people"]) == set(CAST)
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert "Grace Hopper, 0:00.0 to" in page
    assert "http" not in page
    assert sorted(path for path in (folder / "var").rglob("*")) == before
    assert not [found for found in leftovers(folder) if "play.mp4" in found]
