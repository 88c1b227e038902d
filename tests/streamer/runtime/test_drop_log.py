import logging

import pytest

from streamer.runtime.drop_log import MAX_REASON, DropLog, printable


def test_a_flood_is_a_line_a_minute_with_the_number_of_those_in_between(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 1000.0
    drops = DropLog(logging.getLogger("drops"), clock=lambda: now)
    drops.tell("one")
    for _ in range(500):
        now += 0.1
        drops.tell("again")
    assert caplog.messages == ["message dropped: one"]
    now = 1060.0
    drops.tell("two")
    now += 59.9
    drops.tell("unheard")
    now += 0.2
    drops.tell("three")
    now += 600
    drops.tell("four")
    assert caplog.messages[1:] == [
        "message dropped: two (500 others since the last such line)",
        "message dropped: three (1 others since the last such line)",
        "message dropped: four",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("a header must be a map. Received: 'x'", "a header must be a map. Received: 'x'"),
        ("a\nfalse line", r"a\nfalse line"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("Zoë \u202e", r"Zo\xeb \u202e"),
        (r"C:\x", r"C:\x"),
        ("x" * 5000, "x" * MAX_REASON + "..."),
    ],
)
def test_what_came_is_printed_as_short_printable_ascii(text: str, expected: str) -> None:
    assert printable(text) == expected
