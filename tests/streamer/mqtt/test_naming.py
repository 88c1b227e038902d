"""Names as parts of topics and ids: whoever has another name has another one."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from streamer.mqtt.discovery import PEOPLE_KEY, person_components
from streamer.mqtt.naming import Topics, slug

NAMES = st.text(min_size=1, max_size=64) | st.from_regex(
    r"[A-Za-zë]{1,4}([ _-][A-Za-z0-9]{1,4}){0,2}", fullmatch=True
)


@given(NAMES, NAMES)
@example("Zoë", "Zoe")
@example("Zoe", "zoe")
@example("Ann Lee", "Ann_lee")
@example("Ann Lee", "ann lee")
@example("A" * 64, "A" * 63)
@example("Alice", "Alice Where")
@example("Alice", "Alice Seen")
@example("李", "王")
@example("I", "\u0131")
@example("K", "\u212a")
def test_no_two_people_share_an_id(one: str, other: str) -> None:
    for name in (one, other):
        assert re.fullmatch(r"[a-z0-9_-]{1,53}", slug(name))
        assert PEOPLE_KEY not in person_components(slug(name))
    shared = set(person_components(slug(one))) & set(person_components(slug(other)))
    assert (not shared) == (one != other)


def test_slugs_can_be_read() -> None:
    assert slug("Alice") == "alice"
    assert slug("Grace Hopper") == "grace_hopper"
    assert slug("Zoë").startswith("zoe-")
    assert slug("李").startswith("person-")
    assert slug("+/#").startswith("person-")


def test_no_camera_has_the_hosts_device() -> None:
    topics = Topics("home/faces", "homeassistant")
    devices = [topics.device(camera) for camera in ("host", "host-camera", "host-", "door")]
    assert devices[-1] == "home_faces_door"
    assert len({*devices, topics.host}) == 5
