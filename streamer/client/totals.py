"""The account of a whole pipeline, from the reports of its processes."""

from collections import OrderedDict

from streamer.wire.counters import StageCount, add_up
from streamer.wire.messages import Stats

MAX_RUNS = 1024

Run = tuple[str, str, str]
"""One run of a process: its role, its name, and what tells this run from others."""


def run_of(stats: Stats) -> Run:
    """Return the run that a report is of."""
    return stats.role, stats.name, stats.epoch


class Totals:
    """The sum over every run of every process, each counted once however its reports come.

    A report is the run's account so far, so the last one of each run is kept. Of more than
    `max_runs`, those that have been silent longest are folded into one sum: that is far more
    than live at a time, and restarts for months take no more memory.
    """

    def __init__(self, max_runs: int = MAX_RUNS) -> None:
        self._max_runs = max_runs
        self._runs: OrderedDict[Run, Stats] = OrderedDict()
        self._ended: dict[str, StageCount] = {}

    def take(self, stats: Stats) -> None:
        """Note a report."""
        run = run_of(stats)
        self._runs[run] = stats
        self._runs.move_to_end(run)
        if len(self._runs) > self._max_runs:
            _, silent = self._runs.popitem(last=False)
            self._ended = add_up([*self._ended.values(), *silent.stages])

    def account(self) -> dict[str, StageCount]:
        """Every stage's sum over all processes, those that have ended included."""
        latest = [stage for stats in self._runs.values() for stage in stats.stages]
        return add_up([*self._ended.values(), *latest])
