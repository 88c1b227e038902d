import json
import logging
import sys
from typing import Any

import pytest

from streamer.runtime.json_lines import JsonFormatter, as_json_line, json_line, message_of


def formatted(message: str, *arguments: object, exc_info: Any = None) -> dict[str, str]:
    record = logging.LogRecord("a", logging.WARNING, "a.py", 1, message, arguments, exc_info)
    line = JsonFormatter("capture door").format(record)
    assert "\n" not in line
    assert line.isascii()
    found: dict[str, str] = json.loads(line)
    return found


def test_a_record_is_one_object() -> None:
    found = formatted("%s \u2013 \n two lines", "first")
    assert set(found) == {"time", "level", "process", "message"}
    assert (found["level"], found["process"]) == ("warning", "capture door")
    assert found["message"] == "first \u2013 \n two lines"
    assert found["time"].endswith("Z")
    assert len(found["time"]) == len("2026-01-01T00:00:00.000Z")


def test_credentials_are_in_neither_message_nor_traceback() -> None:
    try:
        raise OSError("cannot open rtsp://me:secret@host/x")
    except OSError:
        found = formatted("rtsp://me:secret@host/x", exc_info=sys.exc_info())
    assert "***@host" in found["message"]
    assert "OSError: cannot open" in found["exception"]
    assert "secret" not in json.dumps(found)


@pytest.mark.parametrize(
    ("line", "level", "message"),
    [
        ("", "warning", ""),
        ("Illegal instruction", "warning", "Illegal instruction"),
        ("facestream: no camera", "error", "no camera"),
        ('{"time": 1}', "warning", '{"time": 1}'),
        ("{" * 20_000, "warning", "{" * 20_000),
    ],
)
def test_what_is_no_such_object_becomes_one(line: str, level: str, message: str) -> None:
    found = json.loads(as_json_line("view", line))
    assert (found["process"], found["level"], found["message"]) == ("view", level, message)


def test_an_object_stays_as_it_is_and_is_quoted_by_its_message() -> None:
    line = json_line("view", "error", "the disk is full")
    assert as_json_line("other", line) == line
    assert message_of(line) == "the disk is full"
    assert message_of("facestream: no camera") == "no camera"
