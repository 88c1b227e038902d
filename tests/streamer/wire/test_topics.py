import pytest

from streamer.wire.topics import matches, topic, wanted


@pytest.mark.parametrize(
    ("subscriptions", "expected"),
    [
        ([], []),
        (["identity/door"], ["identity/door"]),
        (["identity/door2"], ["identity/door2"]),
        (["identity/"], ["identity/door", "identity/door2"]),
        ([""], ["identity/door", "identity/door2", "frame/door", "stats"]),
        (["stats", "frame/door"], ["frame/door", "stats"]),
        (["identity/do"], []),
    ],
)
def test_a_subscription_is_one_topic_or_all_below(
    subscriptions: list[str], expected: list[str]
) -> None:
    every = ["identity/door", "identity/door2", "frame/door", "stats"]
    assert [each for each in every if matches(subscriptions, each.encode())] == expected


def test_a_topic_that_is_no_text_matches_nothing() -> None:
    assert not matches(["identity/"], b"\xff\xfe")


@pytest.mark.parametrize(
    ("prefixes", "cameras"),
    [
        (set(), []),
        ({b"frame/door"}, ["door"]),
        ({b"frame/door2"}, ["door2"]),
        ({b"frame/d"}, []),
        ({b"frame/"}, ["door", "door2"]),
        ({b""}, ["door", "door2"]),
        ({b"identity/", b"wanted/door"}, []),
    ],
)
def test_only_the_camera_that_was_asked_for_is_wanted(
    prefixes: set[bytes], cameras: list[str]
) -> None:
    assert [c for c in ("door", "door2") if wanted(prefixes, "frame", c)] == cameras
    assert topic("frame", "door") == b"frame/door"
