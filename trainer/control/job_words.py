"""What is said of a job."""

from typing import Any

from streamer.wire.control import MAX_LINES, Job
from streamer.wire.messages import MAX_TEXT
from trainer.control.work import Work
from workers.names import is_mentioned

MAX_LINE = 1024


def tells_of(state: Job, name: str) -> bool:
    """Tell whether what became of a job names somebody, as what a crop looks like does."""
    told = (*state.lines, *state.warnings, state.fault)
    return state.finished and any(is_mentioned(name, line) for line in told)


def said_by(work: Work) -> dict[str, Any]:
    """Return what a change says of itself, as fields of a `Job`, none too long."""

    def short(lines: list[str]) -> tuple[str, ...]:
        shown = [line[:MAX_LINE] for line in lines]
        if len(shown) > MAX_LINES:
            shown[MAX_LINES - 1 :] = [f"and {len(lines) - MAX_LINES + 1} more"]
        return tuple(shown)

    return {
        "done": work.done,
        "total": work.total,
        "doing": work.doing[:MAX_TEXT],
        "lines": short(work.lines),
        "warnings": short(work.warnings),
        "version": work.version,
        "looks_like": work.looks_like,
    }
