"""What Tab offers beside commands and options: cameras, people, strangers."""

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from streamer.config.loading import load_config
from streamer.config.sections import Config
from streamer.errors import FacestreamError

_SPECIAL = re.compile(r"[^\w@%+=:,./-]")


class _Escaped(str):
    """A name as bash wants it; typer would compare it with what was typed, without escapes."""

    __slots__ = ()

    def startswith(self, *_: object) -> bool:
        return True


def config_of(context: typer.Context) -> Config:
    """Load the config of a command line that is being typed. Raises ConfigError."""
    path = context.find_root().params.get("config")
    return load_config(Path(path or os.environ.get("FACESTREAM_CONFIG") or "config.toml"))


def offered(names: Callable[[Config], Iterable[str]]) -> Callable[[typer.Context, str], list[str]]:
    """Make a completer of a function that returns all names; where it cannot, nothing is offered.

    bash takes what is offered as if it had been typed, so spaces are escaped for it.
    """

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        try:
            found = sorted({name for name in names(config_of(context)) if name})
        except (FacestreamError, OSError):
            return []
        begun = [name for name in found if name.startswith(incomplete)]
        return [_Escaped(_SPECIAL.sub(r"\\\g<0>", name)) for name in begun] if _in_bash() else begun

    return complete


def _in_bash() -> bool:
    """Say whether bash asks, and the word is not within quotes."""
    if os.environ.get("_FACESTREAM_COMPLETE") != "complete_bash":
        return False
    words = os.environ.get("COMP_WORDS", "").rstrip("\n")
    return words.count('"') % 2 == 0 and words.count("'") % 2 == 0


def _seen(config: Config) -> list[str]:
    from streamer.history.database import history
    from streamer.history.queries import last_seen

    with history(config.history_path) as connection:
        return list(last_seen(connection))


def _strangers(config: Config) -> list[str]:
    from streamer.history.database import history
    from streamer.history.queries import kept_strangers

    with history(config.history_path) as connection:
        return [kept.name for kept in kept_strangers(connection)]


complete_camera = offered(lambda config: config.cameras)
complete_seen = offered(_seen)
complete_stranger = offered(_strangers)
