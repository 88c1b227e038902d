import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.errors import DatasetError
from streamer.vision.boxes import Box
from trainer.truth.file import Truth, TruthTrack, read_truth, write_truth
from trainer.truth.keys import Key

TRACK = TruthTrack("Zoë", True, (Key(0, 100, 80, 90, 90), Key(400, 120, 80, 92, 92)))
TRUTH = Truth(
    clip="door.mp4",
    width=1280,
    height=720,
    fps=29.97,
    duration_ms=400,
    tracks=(TRACK, TruthTrack(None, False, (Key(33.33, 1, -2, 3.5, 4),))),
    source="door@1a2b",
)


def content() -> dict[str, Any]:
    keys = [[0, 100, 80, 90, 90], [400, 120, 80, 92, 92]]
    return {
        "format": 1,
        "clip": "door.mp4",
        "width": 1280,
        "height": 720,
        "fps": 25,
        "duration_ms": 400,
        "tracks": [{"person": "Alice", "known": True, "keys": keys}],
    }


@pytest.mark.parametrize("tracks", [(), TRUTH.tracks])
def test_what_is_written_is_read(folder: Path, tracks: tuple[TruthTrack, ...]) -> None:
    truth = Truth(clip="a.mp4", width=10, height=20, fps=29.97, duration_ms=400.25, tracks=tracks)
    write_truth(folder / "truth.json", truth)
    assert read_truth(folder / "truth.json") == truth


def test_a_track_is_a_line(folder: Path) -> None:
    write_truth(folder / "truth.json", TRUTH)
    lines = (folder / "truth.json").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(TRUTH.tracks) + 2
    assert '"Zoë"' in lines[1]
    assert read_truth(folder / "truth.json") == TRUTH


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": 2}, 'must be a truth file with "format": 1'),
        ({"fsp": 25}, "fsp: Unexpected keyword argument"),
        ({"width": None}, "width: Input should be a valid integer. Received: None"),
        ({"fps": 0}, "fps: .*greater than 0"),
        ({"duration_ms": 300}, r"tracks.0: must end within duration_ms, 300.0. Received: 400.0"),
        ({"tracks": [{"person": "A", "known": True}]}, "tracks.0.keys: Field required"),
        ({"tracks": [{"person": "A", "known": True, "keys": []}]}, "tracks.0.keys: .*at least 1"),
        ({"tracks": [{"person": "A", "known": True, "keys": [[0, 1, 1, 1]]}]}, "tracks.0.keys.0"),
        (
            {"tracks": [{"person": "A", "known": True, "keys": [[0, 1, 1, 0, 1]]}]},
            "tracks.0.keys.0.3: Input should be greater than 0. Received: 0",
        ),
        (
            {
                "tracks": [
                    {"person": "A", "known": True, "keys": [[5, 1, 1, 1, 1], [5, 1, 1, 1, 1]]}
                ]
            },
            "tracks.0: the times of its keys must rise",
        ),
        (
            {"tracks": [{"person": None, "known": True, "keys": [[5, 1, 1, 1, 1]]}]},
            "tracks.0: who is known must have a name",
        ),
        (
            {
                "tracks": [
                    {"person": "A", "known": known, "keys": [[5, 1, 1, 1, 1]]}
                    for known in (True, False)
                ]
            },
            "tracks.1: A must be known in all tracks, or in none",
        ),
    ],
)
def test_a_file_that_is_wrong_says_where(folder: Path, change: dict[str, Any], why: str) -> None:
    (folder / "truth.json").write_text(json.dumps(content() | change))
    with pytest.raises(DatasetError, match=why) as caught:
        read_truth(folder / "truth.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json(folder: Path, data: bytes) -> None:
    (folder / "truth.json").write_bytes(data)
    with pytest.raises(DatasetError, match="must be JSON"):
        read_truth(folder / "truth.json")


def test_no_file(folder: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read: No such file"):
        read_truth(folder / "truth.json")


def test_what_is_wrong_is_not_written(folder: Path) -> None:
    truth = Truth(clip="a", width=1, height=1, fps=1, duration_ms=1, tracks=(TRACK,))
    with pytest.raises(DatasetError, match="must end within"):
        write_truth(folder / "truth.json", truth)
    assert not list(folder.iterdir())


def test_boxes_go_straight_between_keys() -> None:
    assert TRACK.box_at(0) == Box(100, 80, 90, 90)
    assert TRACK.box_at(100) == Box(105, 80, 90.5, 90.5)
    assert TRACK.box_at(400) == Box(120, 80, 92, 92)
    assert TRACK.box_at(-1) is None
    assert TRACK.box_at(400.1) is None
    assert (TRACK.start_ms, TRACK.end_ms) == (0, 400)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 10_000), min_size=1, max_size=20, unique=True).map(sorted),
    st.floats(0, 10_000),
)
def test_a_box_is_there_exactly_within_the_track(times: list[int], t_ms: float) -> None:
    track = TruthTrack("A", False, tuple(Key(t, t, 2 * t, t + 1, t + 1) for t in times))
    box = track.box_at(t_ms)
    assert (box is not None) == (times[0] <= t_ms <= times[-1])
    if box is not None:
        assert box == pytest.approx((t_ms, 2 * t_ms, t_ms + 1, t_ms + 1))


def test_the_known() -> None:
    assert TRUTH.known() == ("Zoë",)
