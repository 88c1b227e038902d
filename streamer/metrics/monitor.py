"""The newest reports of a pipeline's processes, as they come from its events."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from streamer.wire.messages import GalleryEvent, PresenceEvent, Stats

TOPICS = ("stats", "gallery", "presence/")
"""What a subscriber must ask for, for a Monitor to know everything."""

SILENT_S = 5.0
"""A process that has not reported for so long is not well, or not there."""

FORGET_S = 300.0
"""And one that is silent for so long is not told of any more."""

MAX_RUNS = 1024


@dataclass(frozen=True)
class Report:
    """A process's newest report, and how long ago it came."""

    stats: Stats
    silent_s: float

    @property
    def process(self) -> str:
        """Return the process's name, as the supervisor has it: capture-door, embed-1, view."""
        role, name = self.stats.role, self.stats.name
        return f"capture-{name}" if role == "capture" else name

    @property
    def camera(self) -> str:
        """Return the camera that the process is of; "" for all others."""
        return self.stats.name if self.stats.role == "capture" else ""

    @property
    def fresh(self) -> bool:
        """Whether the process reports, or has said that it ends."""
        return self.silent_s <= SILENT_S or self.stats.final


@dataclass(frozen=True)
class Snapshot:
    """What was heard until now. present: by camera, how many are known and how many are not."""

    reports: tuple[Report, ...] = ()
    gallery: GalleryEvent | None = None
    present: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def heard(self) -> bool:
        """Whether any process reports."""
        return any(report.silent_s <= SILENT_S for report in self.reports)


class Monitor:
    """`take` messages in one thread and ask for a `snapshot` in any other.

    Of each process it knows the newest run, or several that report at the same time, as workers
    of one name on two hosts do.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._runs: OrderedDict[tuple[str, str, str], tuple[float, Stats]] = OrderedDict()
        self._gallery: GalleryEvent | None = None
        self._present: OrderedDict[str, tuple[float, PresenceEvent]] = OrderedDict()

    def take(self, message: object) -> None:
        """Note a message, if it says something of the pipeline's state."""
        now = self._clock()
        with self._lock:
            match message:
                case Stats():
                    run = message.role, message.name, message.epoch
                    self._runs[run] = now, message
                    self._runs.move_to_end(run)
                    if len(self._runs) > MAX_RUNS:
                        self._runs.popitem(last=False)
                case GalleryEvent():
                    self._gallery = message
                case PresenceEvent():
                    self._present[message.camera] = now, message
                    self._present.move_to_end(message.camera)
                    if len(self._present) > MAX_RUNS:
                        self._present.popitem(last=False)

    def snapshot(self) -> Snapshot:
        """Return what is known now."""
        now = self._clock()
        with self._lock:
            for run, (heard, _) in list(self._runs.items()):
                if now - heard > FORGET_S:
                    del self._runs[run]
            newest = {(role, name): (role, name, run) for role, name, run in self._runs}
            reports = tuple(
                Report(stats, now - heard)
                for run, (heard, stats) in self._runs.items()
                if newest[run[:2]] == run or (now - heard <= SILENT_S and not stats.final)
            )
            present = {
                camera: _counts(event)
                for camera, (heard, event) in self._present.items()
                if now - heard <= SILENT_S
            }
            return Snapshot(reports, self._gallery, present)


def _counts(event: PresenceEvent) -> tuple[int, int]:
    """Count visits, not tracks: of one person who goes on as another track there are two."""
    known = {each.visit or each.track for each in event.present if each.identity is not None}
    others = {each.visit or each.track for each in event.present if each.identity is None}
    return len(known), len(others - known)
