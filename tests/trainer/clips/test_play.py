from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest

from streamer.errors import ConfigError
from trainer.clips.motion import Camera, pose_at
from trainer.clips.play import Setting, Visit, write_play


def setting(seconds: float = 60.0, one_photo: bool = False) -> Setting:
    return Setting(
        width=1280,
        height=720,
        seconds=seconds,
        at_once=3,
        face_px=(80, 180),
        one_photo=one_photo,
    )


def play(seed: int = 0, people: int = 6, **settings: bool) -> list[Visit]:
    return write_play([4] * people, setting(**settings), np.random.default_rng(seed))


def test_too_short_a_clip_says_how_long_it_must_be() -> None:
    with pytest.raises(ConfigError, match="give --seconds"):
        write_play([3] * 40, setting(seconds=20), np.random.default_rng(0))


def test_everybody_comes_and_nobody_is_there_twice() -> None:
    visits = play()
    assert {visit.player for visit in visits} == set(range(6))
    assert len(visits) > 6  # somebody returns
    for one, other in combinations(visits, 2):
        together = one.start_s < other.end_s and other.start_s < one.end_s
        assert not (together and one.player == other.player)
    for now in np.arange(0, 60, 0.5):
        assert sum(visit.start_s <= now < visit.end_s for visit in visits) <= 3


def test_the_seed_decides_all_of_it() -> None:
    assert play(seed=5) == play(seed=5)
    assert play(seed=5) != play(seed=6)


def test_a_visit_shows_other_photos_or_a_single_one() -> None:
    for visit in play():
        times = [since for since, _ in visit.cuts]
        assert all(0.5 <= gap <= 1.0 for gap in np.diff(times))
        assert all(a[1] != b[1] for a, b in zip(visit.cuts, visit.cuts[1:], strict=False))
        assert visit.photo_at(times[2]) == visit.cuts[2][1]
    for visit in play(one_photo=True):
        assert len(visit.cuts) == 1


def test_some_cross_and_some_are_covered() -> None:
    visits = [visit for seed in range(5) for visit in play(seed)]
    assert any(visit.covers for visit in visits)
    crossing = [visit for visit in visits if visit.crossings]
    assert crossing
    for visit in crossing:
        assert visit.crossings[0].share_at(visit.start_s) == 0
        middle_s = (visit.crossings[0].from_s + visit.crossings[0].to_s) / 2
        assert visit.crossings[0].share_at(middle_s) == 1
        assert visit.crossings[0].share_at(visit.end_s) == 0


def faces_of(visit: Visit) -> Iterator[tuple[float, float, float]]:
    camera = Camera(1280, 720, 0.0)
    for now in np.arange(visit.start_s, visit.end_s, 0.04):
        pose = pose_at(visit, setting(), camera, float(now))
        yield pose.x, pose.y, pose.side


def test_a_face_moves_without_jumps_and_comes_from_outside_or_afar() -> None:
    for visit in play():
        path = np.array(list(faces_of(visit)))
        steps = np.hypot(*np.diff(path[:, :2], axis=0).T)
        assert steps.max() < 0.4 * path[:, 2].mean()
        x, y, side = path[0]
        if visit.comes == "far":
            assert side < 0.5 * path[:, 2].max()
        else:
            assert x < side or x > 1280 - side or y > 720 - side
