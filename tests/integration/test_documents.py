"""The documents: the commands that they name are there, and what they link to."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from streamer.commands.app import load_app

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
PAGES = sorted(page for page in PAGES if "node_modules" not in page.parts)
RUNS_AT_ONCE = ("--install-completion", "--show-completion", "--help")


def commands_of(page: Path) -> list[str]:
    """Lines of a page's blocks for a shell that call facestream, comments left out."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    found = (re.search(r"^ *(?:scripts/run|facestream) +(.*)", line) for line in lines)
    return [one[1] for one in found if one]


def parse(command: Any, name: str, words: list[str], parent: Any = None) -> None:
    """Parse a command's words down to its last sub-command, and run nothing."""
    context = command.make_context(name, words, parent=parent)
    rest = [*context._protected_args, *context.args]
    if rest:
        name, inner, rest = command.resolve_command(context, rest)
        parse(inner, name, rest, context)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_program_takes_every_command_of_the_page(page: Path) -> None:
    app = get_command(load_app())
    for line in commands_of(page):
        words = [word for word in shlex.split(line, comments=True) if word != "[OPTION]"]
        if not words or words[0] in RUNS_AT_ONCE:
            continue
        parse(app, "facestream", words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_the_page_links_to_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_relative_to(ROOT), target
        assert file.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)", file.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles}


def test_there_are_commands_to_try() -> None:
    assert len([line for page in PAGES for line in commands_of(page)]) > 60
