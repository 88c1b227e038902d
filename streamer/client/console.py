"""What `facestream run` and `watch` show: who comes and goes, the rates, the account."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from streamer.client.totals import Run, Totals, run_of
from streamer.supervision.child import ProcessStatus
from streamer.wire.counters import StageCount
from streamer.wire.messages import CorrectionEvent, GalleryEvent, IdentityEvent, Stats

PLAIN_SECONDS = 10.0
_STALE_S = 5.0
_FORGET_S = 60.0
_RATE_SHOWN = {
    "capture": "faces",
    "dispatch": "crops",
    "embed": "worker",
    "identify": "embeddings",
    "view": "pictures",
    "history": "history",
    "web": "web",
    "control": "requests",
    "webhooks": "deliveries",
}


def correction_line(event: CorrectionEvent) -> Text:
    """Say what a user has said, for people."""
    if event.correction == "name":
        return Text.assemble(f"{event.before} is ", (event.identity or "", "green"))
    return Text.assemble(f"track {event.track} was not ", (event.before, "green"))


def event_line(event: IdentityEvent) -> Text:
    """One event for people."""
    moment = event.captured_utc[11:23]
    who = event.identity or event.stranger or "unknown"
    colour = "green" if event.identity else "dark_orange"
    verb = {"enter": "enters", "update": "is seen", "exit": "leaves"}[event.event]
    return Text.assemble(
        f"{moment}  {event.camera}  ",
        (who, colour),
        f" {verb}  {event.probability:.2%}  track {event.track}  {event.age_ms:.0f} ms",
    )


@dataclass
class _Report:
    """A run's last report, and when it came, on the monotonic clock."""

    heard: float
    stats: Stats


class Display:
    """Live tables on a terminal; plain lines elsewhere, and wherever `write` takes them."""

    def __init__(
        self,
        console: Console,
        updates: bool = False,
        clock: Callable[[], float] = time.monotonic,
        write: Callable[[str], None] | None = None,
    ) -> None:
        self._clock = clock
        self._write = write
        self._console = console
        self._updates = updates
        self._totals = Totals()
        self._reports: dict[Run, _Report] = {}
        self._gallery: GalleryEvent | None = None
        self._next_plain = self._clock() + PLAIN_SECONDS
        self._live: Live | None = None
        self._states: dict[str, str] = {}
        self._troubled: dict[str, ProcessStatus] = {}

    def __enter__(self) -> "Display":
        if self._console.is_terminal and self._write is None:
            self._live = Live(console=self._console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def line(self, text: str | Text) -> None:
        """Print a line above whatever is live."""
        if self._write is not None:
            self._write(str(text))
            return
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def take(self, message: object) -> None:
        """Show a message, if it is for people."""
        match message:
            case IdentityEvent():
                if message.event != "update" or self._updates:
                    self.line(event_line(message))
            case CorrectionEvent():
                self.line(correction_line(message))
            case Stats():
                self._take_stats(message)
            case GalleryEvent():
                if self._gallery is not None and message.version != self._gallery.version:
                    self.line(f"gallery {message.version}: {message.people} people")
                self._gallery = message

    def take_processes(self, processes: Iterable[ProcessStatus]) -> None:
        """Show the processes that the supervisor waits for, or has given up."""
        self._troubled = {
            one.name: one for one in processes if one.state in ("backing off", "given up")
        }

    def refresh(self) -> None:
        """Redraw the tables, or print the plain lines if they are due."""
        if self._live is not None:
            self._live.update(Group(self.cameras_table(), self.account_table()))
        elif self._clock() >= self._next_plain:
            self._next_plain = self._clock() + PLAIN_SECONDS
            self.line(self._plain_rates())

    def account(self) -> dict[str, StageCount]:
        """Return the account so far, over all processes, those that were restarted included."""
        return self._totals.account()

    def _take_stats(self, stats: Stats) -> None:
        self._totals.take(stats)
        self._reports[run_of(stats)] = _Report(self._clock(), stats)
        self._forget_ended_runs()
        if stats.camera_state is not None:
            state = f"{stats.camera_state.state} {stats.camera_state.detail}".strip()
            if self._states.get(stats.name) != state:
                self._states[stats.name] = state
                self.line(f"camera {stats.name}: {state}")

    def _forget_ended_runs(self) -> None:
        """Show one row for each process that is there, and one where a process should be.

        Two with one role and name may live at a time, on two hosts. Of those of which nothing is
        heard, the last one stays, but for a worker's, which may well have been moved.
        """
        now = self._clock()
        by_time = sorted(self._reports.items(), key=lambda item: item[1].heard)
        newest = {(role, name): (role, name, run) for (role, name, run), _ in by_time}
        for run, report in list(self._reports.items()):
            silent_s = now - report.heard
            role, name, _ = run
            ended = report.stats.final or silent_s > _STALE_S
            replaced = ended and newest[role, name] != run
            moved = role == "embed" and (report.stats.final or silent_s > _FORGET_S)
            if replaced or moved:
                del self._reports[run]

    def cameras_table(self) -> Table:
        """Cameras and workers with their rates."""
        table = Table(title="rates, a second", title_justify="left")
        for column in ("process", "state", "frames", "crops", "CPU s"):
            table.add_column(column, justify="left" if column in ("process", "state") else "right")
        now = self._clock()
        for (role, name, _), report in sorted(self._reports.items()):
            stats, rates = report.stats, report.stats.rates
            crops = rates.get(_RATE_SHOWN[role], 0.0)
            state: str = stats.camera_state.state if stats.camera_state else ""
            if now - report.heard > _STALE_S:
                state = "no report"
            frames = f"{rates['frames']:.1f}" if "frames" in rates else ""
            table.add_row(
                f"{role} {name}" if role != name else role,
                state,
                frames,
                f"{crops:.1f}",
                f"{stats.cpu_s:.1f}",
            )
        for name, one in self._troubled.items():
            table.add_row(name, Text(f"{one.state}: {one.detail}", "red"), "", "", "")
        return table

    def account_table(self) -> Table:
        """Every stage: received = passed on + dropped + pending."""
        table = Table(title="account", title_justify="left")
        for column in ("stage", "received", "passed on", "pending", "dropped"):
            table.add_column(column, justify="left" if column in ("stage", "dropped") else "right")
        for name, count in self.account().items():
            dropped = ", ".join(f"{why} {n}" for why, n in sorted(count.dropped.items()))
            table.add_row(
                name, str(count.received), str(count.forwarded), str(count.pending), dropped
            )
        return table

    def _plain_rates(self) -> str:
        parts = []
        for (role, name, _), report in sorted(self._reports.items()):
            rates = " ".join(
                f"{stage} {rate:.1f}/s" for stage, rate in report.stats.rates.items() if rate
            )
            parts.append(f"{role if role == name else name}: {rates or 'idle'}")
        parts += [f"{name}: {one.state}" for name, one in self._troubled.items()]
        return "rates  " + "; ".join(parts) if parts else "rates  no report yet"
