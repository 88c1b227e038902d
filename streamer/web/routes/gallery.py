"""Versions of the gallery: what is expected of each, what differs, which one is in use."""

from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException

from streamer.control.client import Control
from streamer.web.routes.common import Nothing, TheState
from streamer.wire.control import Diff, Job, VersionRow

router = APIRouter(prefix="/api/gallery", tags=["gallery"])
_REPORT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data: 'self'"
_VERSION = r"^[0-9]{1,12}$"


@router.get("")
async def versions(state: TheState) -> list[VersionRow]:
    """List the versions, the newest first."""
    return await state.asking.control(Control.versions)


@router.get("/diff")
async def diff(
    state: TheState,
    old: Annotated[str, Query(pattern=_VERSION)],
    new: Annotated[str, Query(pattern=_VERSION)],
) -> Diff:
    """Whose crops differ between two versions."""
    return await state.asking.control(lambda control: control.diff(old, new))


@router.post("/{version}/activate", status_code=202)
async def activate(
    state: TheState, version: Annotated[str, Path(pattern=_VERSION)], _: Nothing
) -> Job:
    """Put a version in use."""
    return await state.asking.control(lambda control: control.activate(version, wait=False))


@router.post("/rollback", status_code=202)
async def rollback(state: TheState, _: Nothing) -> Job:
    """Put the version before the one in use back in use."""
    return await state.asking.control(lambda control: control.rollback(wait=False))


@router.get("/report", response_class=FileResponse)
async def report(state: TheState) -> FileResponse:
    """Return the newest report that `facestream train report` wrote of a gallery."""
    folder = state.config.data_path / "reports"
    reports = [path for path in folder.glob("gallery-*/report.html") if path.is_file()]
    found = [(_changed_ns(path), path) for path in reports]
    if not found:
        raise HTTPException(404, "there is no report yet; make one: facestream train report")
    return FileResponse(
        max(found)[1], media_type="text/html", headers={"Content-Security-Policy": _REPORT_POLICY}
    )


def _changed_ns(path: FilePath) -> int:
    """Return when a file was written; one that goes away meanwhile is the oldest."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
