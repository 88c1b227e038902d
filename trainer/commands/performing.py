"""A change of people for a command: by the control service where one runs, or in this process."""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import typer
from rich.console import Console
from rich.status import Status

from streamer.config.sections import Config
from streamer.control import Control, ControlError, Job
from streamer.control.line import new_request_id
from streamer.control.running import running_control
from streamer.wire.control import Change, Enrolment
from trainer.control.work import Work

C = TypeVar("C", bound=Change)


@dataclass(kw_only=True)
class _Shown(Work):
    """Work whose words are shown at once."""

    def say(self, line: str) -> None:
        typer.echo(line)

    def warn(self, line: str) -> None:
        typer.echo(line, err=True)


def perform(config: Config, change: Change) -> None:
    """Have a change made, and show what is said of it. Raises FacestreamError where it is not."""
    with running_control(config) as control:
        if control is not None:
            perform_there(control, change)
            return
    from trainer.control.desk import Desk
    from trainer.control.embedding import in_this_process
    from trainer.control.lanes import make

    with (
        Console(stderr=True).status("") as status,
        tempfile.TemporaryDirectory(prefix="facestream-") as folder,
    ):
        desk = Desk(config, in_this_process, live=False)
        shown = _Shown(folder=Path(folder), on_change=lambda work: status.update(work.doing))
        make(desk, change, shown)


def perform_there(control: Control, change: Change) -> None:
    """Have the control service make a change; Ctrl-C cancels it.

    Where the pictures look like somebody else, and there is a terminal, it is asked whether they
    are.
    """
    with Console(stderr=True).status("") as status:
        job = control.change(change, wait=False)
        try:
            job = control.finish(job, _show_on(status))
        except KeyboardInterrupt:
            control.cancel(job.job)
            raise
        except ControlError as error:
            job = error.job if isinstance(error.job, Job) else job
            _tell(job)
            other = job.looks_like
            if not (other and isinstance(change, Enrolment) and not change.accept_look_alikes):
                raise
            if sys.stdin is None or not sys.stdin.isatty():
                raise
            status.stop()
            if not typer.confirm(_question(change.person, other), err=True):
                raise
        else:
            _tell(job)
            return
    again = replace(change, id=new_request_id(), accept_look_alikes=True)
    perform_there(control, again)


def _question(name: str, other: str) -> str:
    return f"the pictures of {name} look like {other}. Is {name} another person?"


def _show_on(status: Status) -> Callable[[Job], None]:
    def show(job: Job) -> None:
        steps = f" ({job.done} of {job.total})" if job.total else ""
        status.update(f"{job.doing or job.state}{steps}")

    return show


def _tell(job: Job) -> None:
    for line in job.warnings:
        typer.echo(line, err=True)
    for line in job.lines:
        typer.echo(line)
