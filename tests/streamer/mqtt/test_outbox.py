"""What waits for the broker: the newest of each state, events up to a limit, all of it counted."""

from streamer.mqtt.outbox import MAX_EVENT_AGE_S, MAX_EVENTS, MAX_ONCE, Outbox, Outgoing


def taken(outbox: Outbox, now_s: float = 0.0) -> list[Outgoing]:
    found: list[Outgoing] = []
    while (message := outbox.next(now_s)) is not None:
        outbox.sent(len(found), message)
        found.append(message)
    for number in range(len(found)):
        outbox.acknowledged(number)
    assert outbox.idle
    assert outbox.snapshot().unaccounted == 0
    assert outbox.snapshot().pending == 0
    return found


def test_of_a_state_only_the_newest_waits() -> None:
    outbox = Outbox()
    assert taken(outbox) == []
    for payload in (b"1", b"2", b"3", b"3"):
        outbox.state("a", payload)
    outbox.state("b", b"x")
    assert outbox.snapshot().pending == 2
    assert taken(outbox) == [Outgoing("a", b"3", True), Outgoing("b", b"x", True)]
    assert outbox.snapshot().dropped == {"superseded": 2}
    outbox.state("a", b"3")
    assert taken(outbox) == [], "it is known already"
    outbox.state("a", b"3", again=True)
    assert len(taken(outbox)) == 1


def test_events_have_a_limit_and_an_age() -> None:
    outbox = Outbox()
    for number in range(MAX_EVENTS + 5):
        outbox.event("e", str(number).encode(), "Alice", float(number >= 10))
    sent = taken(outbox, MAX_EVENT_AGE_S + 0.5)
    assert [int(message.payload) for message in sent] == list(range(10, MAX_EVENTS + 5))
    assert not any(message.retain for message in sent)
    assert outbox.snapshot().dropped == {"queue_full": 5, "too_old": 5}


def test_events_of_somebody_who_is_forgotten_are_dropped() -> None:
    outbox = Outbox()
    outbox.event("e", b"1", "Alice", 0.0)
    outbox.event("e", b"2", "Bob", 0.0)
    outbox.forget({"Alice"})
    assert [message.payload for message in taken(outbox)] == [b"2"]
    assert outbox.snapshot().dropped == {"forgotten": 1}


def test_what_was_on_its_way_when_the_connection_broke_waits_again_in_its_order() -> None:
    outbox = Outbox()
    outbox.once("c", b"without")
    outbox.event("e", b"1", "Alice", 0.0)
    outbox.event("e", b"2", "Alice", 0.0)
    outbox.state("a", b"old")
    outbox.state("b", b"x")
    for number in range(5):
        message = outbox.next(0.0)
        assert message is not None
        outbox.sent(number, message)
    outbox.acknowledged(1)
    outbox.acknowledged(99)
    outbox.state("a", b"new")
    outbox.lost()
    outbox.acknowledged(2)  # of the connection that is gone
    assert outbox.snapshot().unaccounted == 0
    assert [(m.topic, m.payload) for m in taken(outbox)] == [
        ("c", b"without"),
        ("e", b"2"),
        ("b", b"x"),
        ("a", b"new"),
    ]


def test_after_a_connection_everything_is_sent_again_descriptions_first() -> None:
    outbox = Outbox()
    outbox.state("state", b"1")
    outbox.state("config", b"{}")
    outbox.clear(["left"])
    assert len(taken(outbox)) == 3
    assert len(outbox) == 2, "what is cleared needs no memory"
    outbox.send_all_again(lambda topic: topic == "config")
    assert [message.topic for message in taken(outbox)] == ["config", "state"]


def test_what_is_cleared_is_cleared_again_unless_the_broker_has_said_that_it_is() -> None:
    outbox = Outbox()
    outbox.clear(["a"])
    message = outbox.next(0.0)
    assert message == Outgoing("a", b"", True)
    outbox.sent(1, message)
    outbox.lost()
    outbox.send_all_again(lambda topic: False)
    assert taken(outbox) == [message]
    outbox.state("a", b"back")
    assert taken(outbox) == [Outgoing("a", b"back", True)]


def test_what_is_said_once_comes_first_in_its_order_and_has_a_limit() -> None:
    outbox = Outbox()
    outbox.state("config", b"{}")
    for number in range(MAX_ONCE + 2):
        outbox.once("config", str(number).encode())
    sent = taken(outbox)
    assert [m.payload for m in sent] == [*(str(n).encode() for n in range(2, MAX_ONCE + 2)), b"{}"]
    assert outbox.snapshot().dropped == {"queue_full": 2}
