import json
from pathlib import Path

import pytest

from streamer.config.loading import load_config
from streamer.errors import ConfigError
from streamer.webhooks.happenings import Happening
from streamer.webhooks.targets import Target, targets_of

CAMERA = '[cameras.door]\nsource = "demo"\n[cameras.gate]\nsource = "demo"\n'
HOOK = CAMERA + '[[webhook]]\nname = "a"\nurl = "http://127.0.0.1:9/"\n'


def target(folder: Path, text: str) -> Target:
    (folder / "config.toml").write_text(text)
    (made,) = targets_of(load_config(folder / "config.toml"))
    return made


def happening(**fields: object) -> Happening:
    values = {"event": "enter", "id": "e", "at_utc": "t", "text": "x", "camera": "door", **fields}
    return Happening(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "fields", "wanted"),
    [
        ("", {"identity": "Al"}, True),
        ("", {"stranger": "unknown-1"}, False),
        ("strangers = true", {"stranger": "unknown-1"}, True),
        ('people = ["Al"]', {"identity": "Al"}, True),
        ('people = ["Al"]', {"identity": "Bo"}, False),
        ('people = ["Al"]', {"identity": "Bo", "before": "Al", "event": "change"}, True),
        ('people = ["Al"]', {"stranger": "unknown-1"}, False),
        ('people = ["Zo\u00eb"]', {"identity": "Zoe\u0308"}, True),
        ('cameras = ["gate"]', {"identity": "Al"}, False),
        ('cameras = ["gate"]', {"identity": "Al", "camera": "gate"}, True),
        ('events = ["exit"]', {"identity": "Al"}, False),
        ('events = ["camera"]\npeople = ["Al"]', {"event": "camera"}, True),
        ('events = ["correction"]', {"event": "correction", "before": "unknown-3"}, False),
        ('events = ["correction"]', {"event": "correction", "identity": "Al", "camera": ""}, True),
    ],
)
def test_filters(folder: Path, settings: str, fields: dict[str, object], wanted: bool) -> None:
    assert target(folder, HOOK + settings).wants(happening(**fields)) == wanted


def test_a_template_is_filled_in_and_quotes_what_it_must(folder: Path) -> None:
    body = 'body = \'{"text": {{ text | tojson }}, "n": {{ probability | round(1) }}}\''
    letter = target(folder, HOOK + body).letter(happening(text='"\n\u2028', probability=0.97))
    assert json.loads(letter.body) == {"text": '"\n\u2028', "n": 1.0}


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ("body = '{{ text'", ["webhook.a.body: must be a template"]),
        ("body = '{{ colour }}'", ["webhook.a.body: cannot be filled in", "colour"]),
        ("body = '{{ 1 / 0 }}'", ["webhook.a.body: cannot be filled in"]),
        ("body = '{{ text.__class__.__mro__ }}'", ["cannot be filled in", "unsafe"]),
        ("body = '{{ \"x\" * 70000 }}'", ["webhook.a.body: must be at most 65536 bytes"]),
        ('secret_file = "none"', ["webhook.a.secret_file", "cannot be read: No such file"]),
        ('secret_file = "config.toml/x"', ["webhook.a.secret_file", "cannot be read"]),
        ('secret_file = "empty"', ["webhook.a.secret_file", "must not be empty"]),
        ('secret_file = "short"', ["its secret must have at least 16 bytes. Received: 5"]),
        ('secret_file = "bad"', ["must go on in base64"]),
        ('secret_env = "FACESTREAM_NO_SUCH"', ["webhook.a.secret_env", "FACESTREAM_NO_SUCH must"]),
    ],
)
def test_a_fault_is_one_line(folder: Path, settings: str, parts: list[str]) -> None:
    (folder / "empty").write_text("\n")
    (folder / "short").write_text("short")
    (folder / "bad").write_text("whsec_!!!")
    with pytest.raises(ConfigError) as caught:
        target(folder, HOOK + settings)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(str(folder / "config.toml"))
    assert all(part in line for part in parts), line


def test_a_url_from_elsewhere_is_checked_and_not_quoted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = CAMERA + '[[webhook]]\nname = "a"\nurl_env = "HOOK_URL"\n'
    monkeypatch.setenv("HOOK_URL", "https://host/token?x=1")
    made = target(folder, text)
    assert (made.url.hostname, made.url.path) == ("host", "/token")
    monkeypatch.setenv("HOOK_URL", "gopher://host/token")
    with pytest.raises(ConfigError, match="its URL must be http") as caught:
        target(folder, text)
    assert "token" not in str(caught.value)
