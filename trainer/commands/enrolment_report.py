"""What enrolment asks and tells: look-alikes, warnings, what was refused and set aside."""

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import typer
from rich.status import Status

from streamer.config.sections import Config
from streamer.errors import GalleryError

if TYPE_CHECKING:
    from trainer.enrolment.intake import Intake
    from workers.gallery.store import GalleryStore
    from workers.gallery.version import Gallery


def question(accept_all: bool, status: Status) -> Callable[[str, str], bool]:
    """Return what asks whether two people who look alike are two; without a terminal, they are not.

    A pair is asked for once, whoever comes first.
    """
    answers: dict[frozenset[str], bool] = {}

    def ask(name: str, other: str) -> bool:
        pair = frozenset((name, other))
        if accept_all or pair in answers:
            return answers.get(pair, True)
        if sys.stdin is None or not sys.stdin.isatty():
            return False
        status.stop()
        answers[pair] = typer.confirm(
            f"the pictures of {name} look like {other}. Is {name} another person?", err=True
        )
        status.start()
        return answers[pair]

    return ask


def ids_set_aside(store: "GalleryStore") -> frozenset[str]:
    """Return the ids of what is set aside before a change; damage is for the change to tell."""
    try:
        gallery = store.read()
    except GalleryError:
        return frozenset()
    return frozenset(row.id for row in gallery.people.aside.rows) if gallery else frozenset()


def report_enrolment(
    config: Config,
    gallery: "Gallery | None",
    intakes: "Mapping[str, Intake]",
    already: frozenset[str],
) -> None:
    """Tell what became of everybody. Raises GalleryError if nobody was enrolled."""
    from trainer.enrolment.reporting import tell_enrolment

    tell_enrolment(config.data_path, gallery, intakes, already, typer.echo, warn)


def warn(line: str) -> None:
    """Write a line to the error output."""
    typer.echo(line, err=True)
