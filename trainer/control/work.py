"""What a change says about itself while it is made, to whoever waits for it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from streamer.errors import ControlError


class CancelledError(ControlError):
    """Somebody has cancelled the change, which has changed nothing."""


class StoppedError(ControlError):
    """The process ends; it goes on with the change when it is started again."""


class LostError(ControlError):
    """What the change was to be made of is gone, for the process ended meanwhile."""


@dataclass(kw_only=True)
class Work:
    """One change under way. `folder`: where it keeps what it has done so far, if anywhere.

    `resumed`: it was begun by a run of the process that ended. `on_change`: called whenever
    something is said. `check()` raises where it is to end. `people`: whom it is about, where
    the request does not say so.
    """

    folder: Path
    resumed: bool = False
    check: Callable[[], None] = lambda: None
    on_change: Callable[["Work"], None] = lambda work: None
    done: int = 0
    total: int = 0
    doing: str = ""
    version: str = ""
    looks_like: str = ""
    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Tell what was done."""
        self.lines.append(line)

    def warn(self, line: str) -> None:
        """Tell what is not as it should be."""
        self.warnings.append(line)

    def progress(self, doing: str, done: int = 0, total: int = 0) -> None:
        """Tell what is being done, and how far it is. Raises where the work is to end."""
        self.check()
        self.doing, self.done, self.total = doing, done, total
        self.on_change(self)
