"""Jobs: how far the changes of people are."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from streamer.control.client import Control
from streamer.web.routes.common import Nothing, TheState
from streamer.wire.control import Job, JobRow

router = APIRouter(prefix="/api/jobs", tags=["jobs"])
MAX_WAIT_MS = 10_000

JobId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


@router.get("")
async def jobs(state: TheState) -> list[JobRow]:
    """List the jobs that are known, the newest first; what is over is known for an hour."""
    return await state.asking.control(Control.jobs)


@router.get("/{job}")
async def job(
    state: TheState,
    job: JobId,
    seen: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    wait_ms: Annotated[int, Query(ge=0, le=MAX_WAIT_MS)] = 0,
) -> Job:
    """Return a job, once its revision is above `seen` or the time is up."""
    return await state.asking.control(lambda control: control.job(job, seen, wait_ms))


@router.post("/{job}/cancel")
async def cancel(state: TheState, job: JobId, _: Nothing) -> Job:
    """End a job, which has changed nothing then."""
    return await state.asking.control(lambda control: control.cancel(job))
