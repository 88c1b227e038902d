import pytest

from streamer.vision.boxes import Box
from streamer.wire.messages import IdentityEvent
from trainer.truth.said import Claim, Listener, said_of_frames


def event(
    kind: str, media_ms: float, identity: str | None, age_ms: float = 50, track: str = "t"
) -> IdentityEvent:
    return IdentityEvent(
        event=kind,  # type: ignore[arg-type]
        id=f"{media_ms}",
        camera="door",
        track=track,
        identity=identity,
        stranger=None if identity else "unknown-1",
        probability=0.9,
        squared_distance=0.1,
        box_xywh=(round(media_ms), 0, 50, 50),
        captured_utc="2026-01-01T00:00:00.000Z",
        media_ms=media_ms,
        age_ms=age_ms,
        sequence=1,
        epoch="e",
        number=1,
        weights="w",
        gallery="g",
    )


def test_nothing_was_said() -> None:
    assert Listener(real_time=True).tracks() == []


def test_events_make_a_track() -> None:
    listener = Listener(real_time=True)
    for each in (
        event("enter", 100, None),
        event("update", 300, "Ada", age_ms=80),
        event("exit", 900, "Ada", age_ms=1000),
        event("enter", 1000, "Bob", track="u"),
    ):
        listener.take(each)
    first, second = listener.tracks()
    assert (first.track, second.track) == ("t", "u")
    assert first.box_at(99) is None
    assert first.box_at(200) == Box(200, 0, 50, 50)
    assert first.box_at(900) == Box(900, 0, 50, 50)
    assert first.box_at(901) is None
    # What was captured at 300 was known at 380.
    assert first.claim_at(149) is None
    assert first.claim_at(150) == first.claim_at(379) == Claim(150, None, "unknown-1")
    assert first.claim_at(380) == first.claim_at(9000) == Claim(380, "Ada", None)
    assert listener.latencies_ms == [50, 80, 50]


def test_without_a_clock_a_claim_counts_from_its_frame_on() -> None:
    listener = Listener(real_time=False)
    listener.take(event("enter", 100, "Ada", age_ms=5000))
    assert listener.tracks()[0].claims == [Claim(100, "Ada", None)]


def test_events_of_one_frame_and_out_of_order() -> None:
    listener = Listener(real_time=True)
    for each in (
        event("enter", 100, "Ada", age_ms=500),
        event("update", 200, "Bob", age_ms=0),
        event("update", 150, "Cy", age_ms=0),
    ):
        listener.take(each)
    (track,) = listener.tracks()
    assert [key.at_ms for key in track.keys] == [100, 200]
    assert [claim.at_ms for claim in track.claims] == [600, 600, 600]
    claim = track.claim_at(600)
    assert claim is not None
    assert claim.identity == "Cy"


def test_a_program_that_names_every_frame() -> None:
    box = Box(1, 2, 3, 4)
    said = said_of_frames([(0, [(box, "Ada")]), (40, []), (80, [(box, None), (box, "Bob")])], 40)
    assert [track.claims[0].identity for track in said] == ["Ada", None, "Bob"]
    assert said[0].box_at(39) == pytest.approx(box)
    assert said[0].box_at(40) is None
