import numpy as np
import pytest

from streamer.vision.boxes import Box
from trainer.clips.seen import Seen, tracks_of

WIDE = 80.0


def frames(shares: list[float], start: int = 0, side: float = 100.0) -> list[Seen]:
    return [
        Seen((start + i) * 40.0, Box(10.0 + 4 * i, 20.0, side, side), share)
        for i, share in enumerate(shares)
    ]


@pytest.mark.parametrize(
    ("shares", "people"),
    [
        ([], []),
        ([0.0] * 10, []),
        ([1.0] * 10, ["Ada"]),
        ([0.5] * 10, [None]),
        ([0.0] * 3 + [0.5] * 3 + [1.0] * 10 + [0.4] * 3 + [0.0] * 3, [None, "Ada", None]),
        # What is good for a moment alone is not judged.
        ([0.5] * 5 + [1.0] * 3 + [0.5] * 5, [None]),
        ([1.0] * 10 + [0.0] * 6 + [1.0] * 10, ["Ada", "Ada"]),
        # And who is covered for a moment alone is judged through it.
        ([1.0] * 10 + [0.5] * 2 + [0.0] * 3 + [1.0] * 10, ["Ada"]),
        ([1.0] * 10 + [0.0] * 5 + [1.0] * 10, ["Ada"]),
    ],
)
def test_tracks_are_of_the_person_where_enough_can_be_seen(
    shares: list[float], people: list[str | None]
) -> None:
    tracks = tracks_of("Ada", True, frames(shares), WIDE)
    assert [track.person for track in tracks] == people
    assert [track.known for track in tracks] == [person is not None for person in people]


def test_a_face_that_is_too_small_is_not_judged() -> None:
    (track,) = tracks_of("Ada", True, frames([1.0] * 10, side=79.0), WIDE)
    assert track.person is None


def test_keys_are_few_and_keep_the_box_within_a_hundredth() -> None:
    def box(i: int) -> Box:
        return Box(100 + 60 * float(np.sin(i / 9)), 50 + 0.2 * i, 90 + 0.1 * i, 90 + 0.1 * i)

    seen = [Seen(i * 40.0, box(i), 1.0) for i in range(200)]
    (track,) = tracks_of("Ada", False, seen, WIDE)
    assert len(track.keys) < 60
    for one in seen:
        told = track.box_at(one.at_ms)
        assert told is not None
        assert np.abs(np.subtract(told, one.box)).max() <= 0.0101 * one.box.width + 0.01
