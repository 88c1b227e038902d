from streamer.capture.governor import EFFORTS, LATE_MS, Governor

FRAME_MS = 33.0


def run(governor: Governor, start_ms: float, frames: int, age_ms: float, lost: int = 0) -> float:
    """Let some frames go the same way; return the time after them."""
    now_ms = start_ms
    for _ in range(frames):
        governor.done(now_ms, age_ms, lost)
        now_ms += FRAME_MS
    return now_ms


def test_a_camera_that_keeps_up_looks_at_every_frame() -> None:
    governor = Governor()
    run(governor, 0, 300, LATE_MS)
    assert governor.effort == EFFORTS[0]
    assert all(governor.is_to_look() for _ in range(5))


def test_one_late_frame_is_no_load() -> None:
    governor = Governor()
    now_ms = run(governor, 0, 10, 5)
    governor.done(now_ms, 400, 3)
    run(governor, now_ms + FRAME_MS, 10, 5)
    assert governor.effort == EFFORTS[0]


def test_searches_become_rarer_before_frames_are_passed_over() -> None:
    governor, now_ms = Governor(), 0.0
    seen = [governor.effort]
    for _ in range(400):
        governor.done(now_ms, 120, 0)
        now_ms += FRAME_MS
        if governor.effort != seen[-1]:
            seen.append(governor.effort)
    assert tuple(seen) == EFFORTS
    assert [effort.every for effort in seen][:3] == [1, 1, 1]
    looks = sum(governor.is_to_look() for _ in range(60))
    assert looks == 60 // EFFORTS[-1].every


def test_frames_lost_count_as_late_ones() -> None:
    governor = Governor()
    run(governor, 0, 3, 5, lost=1)
    assert governor.effort == EFFORTS[1]


def test_it_goes_up_at_once_and_down_only_after_calm_seconds() -> None:
    governor = Governor()
    now_ms = run(governor, 0, 2, 200)
    assert governor.effort == EFFORTS[1]
    now_ms = run(governor, now_ms, 60, 5)  # two seconds
    assert governor.effort == EFFORTS[1]
    run(governor, now_ms, 60, 5)
    assert governor.effort == EFFORTS[0]
