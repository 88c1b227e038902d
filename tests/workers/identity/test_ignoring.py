from dataclasses import replace

from streamer.wire.messages import IdentityEvent
from tests.streamer.history.heard import event, presence
from workers.identity.ignoring import Ignoring

Told = list[tuple[str, str | None, str | None]]


class Scene:
    """What was published, and a count of a camera's events as identify numbers them."""

    def __init__(self) -> None:
        self.events: list[IdentityEvent] = []
        self.ignoring = Ignoring(self.events.append)
        self._number = 0

    def take(self, *events: IdentityEvent) -> None:
        for each in events:
            self._number += 1
            self.ignoring.take(replace(each, number=self._number))

    def told(self) -> Told:
        numbers = [each.number for each in self.events]
        assert numbers == list(range(1, len(numbers) + 1)), "nobody thinks that one was missed"
        assert len({each.id for each in self.events}) == len(self.events)
        return [(each.event, each.identity, each.stranger) for each in self.events]


def test_while_nobody_is_ignored_everything_passes() -> None:
    scene = Scene()
    said = (event("enter", 1, "Bob"), event("update", 1, "Bob"), event("exit", 1, "Bob"))
    scene.take(*said)
    assert scene.told() == [("enter", "Bob", None), ("update", "Bob", None), ("exit", "Bob", None)]
    assert scene.ignoring._inside == {}
    there = [presence((1, "Bob", None))]
    assert list(scene.ignoring.presence(there)) == there


def test_who_is_ignored_leaves_and_is_in_no_event_any_more() -> None:
    scene = Scene()
    scene.take(event("enter", 1, "Bob"), event("enter", 2, None, "unknown-7"))
    scene.ignoring.use(frozenset({"Bob", "unknown-7"}))
    scene.take(
        event("update", 1, "Bob"), event("enter", 3, "Eve"), event("exit", 1, "Bob"),
        event("update", 2, None, "unknown-7"),
    )  # fmt: skip
    assert scene.told()[2:] == [
        ("exit", "Bob", None), ("exit", None, "unknown-7"), ("enter", "Eve", None),
    ]  # fmt: skip
    (left,) = scene.ignoring.presence([presence((1, "Bob", None), (3, "Eve", None))])
    assert [track.identity for track in left.present] == ["Eve"]


def test_who_turns_out_to_be_ignored_leaves_as_who_they_seemed_to_be() -> None:
    scene = Scene()
    scene.ignoring.use(frozenset({"Bob"}))
    scene.take(event("enter", 1, None, "unknown-7"), event("update", 1, "Bob"))
    scene.take(event("exit", 1, "Bob"))
    assert scene.told() == [("enter", None, "unknown-7"), ("exit", None, "unknown-7")]


def test_who_is_ignored_no_more_or_was_not_meant_enters() -> None:
    scene = Scene()
    scene.ignoring.use(frozenset({"Bob"}))
    scene.take(event("enter", 1, "Bob"), event("update", 1, "Eve"), event("enter", 2, "Bob"))
    scene.ignoring.use(frozenset())
    scene.take(event("update", 2, "Bob"), event("exit", 1, "Eve"))
    assert scene.told() == [("enter", "Eve", None), ("enter", "Bob", None), ("exit", "Eve", None)]
